import { type BodyOf, type Endpoints, fail, newId } from '@parley/protocol';
import { networkOf } from '../domain/network.ts';
import { assertStrongPassword } from '../domain/password-rules.ts';
import { type OpenSession, openSession, type SessionServices } from './open-session.ts';
import type { Services } from './services.ts';

type RegisterServices = SessionServices & Pick<Services, 'passwords' | 'throttle' | 'limits'>;
type Registration = Omit<BodyOf<Endpoints['register']>, 'session'>;

/**
 * Makes an account and signs in to it. `address` is the client's.
 * @throws Failure `weak_password`, `username_taken`, `too_many_attempts`, `unavailable`
 */
export async function register(services: RegisterServices, address: string, body: Registration): Promise<OpenSession> {
  const { store, passwords, throttle, limits, clock } = services;
  const { username, password, displayName = username } = body;
  assertStrongPassword(password, username);
  if (limits.register) {
    const admission = await throttle.admit(`register:${networkOf(address)}`, limits.register);
    if (!admission.admitted) throw fail('too_many_attempts', { retryAfterMs: admission.retryAfterMs });
  }
  const passwordHash = await passwords.hash(password);
  const user = await store.registerUser({ id: newId(), username, displayName, passwordHash, at: clock.now() });
  return openSession(services, user);
}
