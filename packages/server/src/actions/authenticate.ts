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
  { store, tokens, clock }: Pick<Services, 'store' | 'tokens' | 'clock'>,
  accessToken: string,
): Promise<SignedInActor> {
  const { userId, sessionId, expiresAt } = await tokens.verifyAccessToken(accessToken);
  const session = await store.findSession({ sessionId, at: clock.now() });
  if (session?.user.id !== userId) throw fail('session_ended');
  return { userId, sessionId, username: session.user.username, user: session.user, expiresAt };
}
