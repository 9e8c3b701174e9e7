import { fail } from '@parley/protocol';
import { issue, type OpenSession } from './open-session.ts';
import type { Services } from './services.ts';

/** Two tabs that refresh at once, or a client whose answer was lost, may use a spent token for this long. */
const GRACE_MS = 10_000;

/**
 * Trades a refresh token for its successor and a fresh access token. A token that was spent longer ago than the grace
 * was stolen from somebody: its session is over for whoever holds it (RFC 9700 §4.14.2).
 * @throws Failure `invalid_token`, `session_ended`
 */
export async function refreshSession(
  { store, tokens, clock }: Pick<Services, 'store' | 'tokens' | 'clock'>,
  refreshToken: string,
): Promise<OpenSession> {
  const { hash, successor } = tokens.rotate(refreshToken);
  const rotation = await store.rotateRefreshToken({
    hash,
    successorHash: successor.hash,
    at: clock.now(),
    graceMs: GRACE_MS,
  });
  switch (rotation.status) {
    case 'rotated':
      return issue(tokens, rotation.user, rotation.sessionId, successor.token);
    case 'reused':
    case 'ended':
      throw fail('session_ended');
    case 'unknown':
      throw fail('invalid_token');
  }
}
