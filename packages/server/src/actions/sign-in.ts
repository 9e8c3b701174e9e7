import { type BodyOf, type Endpoints, Failure, fail } from '@parley/protocol';
import { networkOf } from '../domain/network.ts';
import { type OpenSession, openSession, type SessionServices } from './open-session.ts';
import type { Services } from './services.ts';

type SignInServices = SessionServices & Pick<Services, 'passwords' | 'throttle' | 'limits'>;
type Credentials = Omit<BodyOf<Endpoints['login']>, 'session'>;

/**
 * Signs in. An unknown person and a wrong password are told in the same words and after the same work. Failed attempts
 * count per account and address, so nobody can lock somebody else out of their own devices.
 * @throws Failure `invalid_credentials`, `too_many_attempts`, `unavailable`
 */
export async function signIn(services: SignInServices, address: string, body: Credentials): Promise<OpenSession> {
  const attempt = await beginAttempt(services, networkOf(address), body.username);
  const { user, passwordHash } = await checkCredentials(services, body).catch((error: unknown) => {
    if (!isWrongCredentials(error)) attempt.forget();
    throw error;
  });
  attempt.forget();
  await renewHash(services, user.id, passwordHash, body.password);
  return openSession(services, user);
}

async function checkCredentials({ store, passwords }: SignInServices, { username, password }: Credentials) {
  const credentials = await store.findCredentials({ username });
  const isRight = await passwords.verify(credentials?.passwordHash ?? null, password);
  if (!credentials || !isRight) throw fail('invalid_credentials');
  return credentials;
}

function isWrongCredentials(error: unknown): boolean {
  return error instanceof Failure && error.code === 'invalid_credentials';
}

/** How many times the attempts on one account may come from one address in all. */
const ACCOUNTS_PER_ADDRESS = 5;
const LONGEST_USERNAME = 32;

/** Counts an attempt; `forget` gives it back when it did not fail for a wrong name or password. */
async function beginAttempt(
  { throttle, limits }: SignInServices,
  network: string,
  username: string,
): Promise<{ forget(): void }> {
  if (!limits.signIn) return { forget: () => undefined };
  const { count, windowMs } = limits.signIn;
  const account = username.toLowerCase().slice(0, LONGEST_USERNAME);
  const byAddress = await throttle.admit(`sign-in:${network}`, { count: count * ACCOUNTS_PER_ADDRESS, windowMs });
  if (!byAddress.admitted) throw fail('too_many_attempts', { retryAfterMs: byAddress.retryAfterMs });
  const byAccount = await throttle.admit(`sign-in:${network}:${account}`, limits.signIn);
  if (!byAccount.admitted) {
    byAddress.release();
    throw fail('too_many_attempts', { retryAfterMs: byAccount.retryAfterMs });
  }
  return {
    forget() {
      byAddress.release();
      byAccount.release();
    },
  };
}

/** A hash made with older parameters is replaced while the password is at hand. */
async function renewHash(services: SignInServices, userId: string, hash: string, password: string): Promise<void> {
  const { store, passwords } = services;
  if (!passwords.isOutdated(hash)) return;
  await store.setPasswordHash({ userId, passwordHash: await passwords.hash(password) });
}
