import { fail, type User } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

export interface SignedInActor extends Actor {
  readonly user: User;
  /** When the access token runs out, milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * Who holds this access token. Beyond its signature the store is asked whether the session still lives, so that a
 * sign-out is felt at once.
 * @throws Failure `invalid_token`, `session_ended`
 */
export async function authenticate(
  services: Pick<Services, 'store' | 'tokens' | 'clock'>,
  accessToken: string,
): Promise<SignedInActor> {
  const { userId, sessionId, expiresAt } = await services.tokens.verifyAccessToken(accessToken);
  const user = await confirmSession(services, { userId, sessionId });
  return { userId, sessionId, username: user.username, user, expiresAt };
}

/** The person of a session that still lives. @throws Failure `session_ended` */
export async function confirmSession(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { userId, sessionId }: Pick<Actor, 'userId' | 'sessionId'>,
): Promise<User> {
  const session = await store.findSession({ sessionId, at: clock.now() });
  if (session?.user.id !== userId) throw fail('session_ended');
  return session.user;
}
