import { newId, type User } from '@parley/protocol';
import type { Tokens } from '../auth/tokens.ts';
import type { Services } from './services.ts';

/** What somebody who signed in receives. */
export interface OpenSession {
  readonly user: User;
  readonly accessToken: string;
  /** Seconds until the access token runs out. */
  readonly expiresIn: number;
  readonly refreshToken: string;
}

export type SessionServices = Pick<Services, 'store' | 'tokens' | 'clock' | 'sessionTtlMs'>;

/** Opens a session for somebody who has just proved who they are. Refreshing does not lengthen `sessionTtlMs`. */
export async function openSession(services: SessionServices, user: User): Promise<OpenSession> {
  const { store, tokens, clock, sessionTtlMs } = services;
  const sessionId = newId();
  const refreshToken = tokens.issueRefreshToken();
  const at = clock.now();
  await store.createSession({
    id: sessionId,
    userId: user.id,
    refreshTokenHash: refreshToken.hash,
    at,
    expiresAt: at + sessionTtlMs,
  });
  return issue(tokens, user, sessionId, refreshToken.token);
}

/** The answer of a session that goes on, with a fresh access token. */
export async function issue(tokens: Tokens, user: User, sessionId: string, refreshToken: string): Promise<OpenSession> {
  const accessToken = await tokens.issueAccessToken({ userId: user.id, sessionId, username: user.username });
  return { user, accessToken, expiresIn: tokens.accessTokenSeconds, refreshToken };
}
