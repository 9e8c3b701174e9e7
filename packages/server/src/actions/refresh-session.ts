import { fail } from '@parley/protocol';
import { SPENT_GRACE_MS } from '../auth/spent-tokens.ts';
import { issue, type OpenSession } from './open-session.ts';
import type { Services } from './services.ts';

/**
 * Trades a refresh token for its successor and a fresh access token. A token that was spent longer ago than the grace
 * was stolen from somebody: its session is over for whoever holds it (RFC 9700 §4.14.2).
 * @throws Failure `invalid_token`, `session_ended`
 */
export async function refreshSession(
  { store, tokens, spentTokens, clock }: Pick<Services, 'store' | 'tokens' | 'spentTokens' | 'clock'>,
  refreshToken: string,
): Promise<OpenSession> {
  const { hash, successor } = tokens.rotate(refreshToken);
  const rotation = await store.rotateRefreshToken({
    hash,
    successorHash: successor.hash,
    at: clock.now(),
    graceMs: spentTokens.has(hash) ? Number.POSITIVE_INFINITY : SPENT_GRACE_MS,
  });
  switch (rotation.status) {
    case 'rotated':
      spentTokens.add(hash);
      return issue(tokens, rotation.user, rotation.sessionId, successor.token);
    case 'reused':
    case 'ended':
      throw fail('session_ended');
    case 'unknown':
      throw fail('invalid_token');
  }
}
