import { type ErrorCode, endpoints, Failure, fail, type SignedIn, type User } from '@parley/protocol';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { Call } from './call.ts';
import type { Timing } from './timing.ts';
import type { SessionStorage } from './types.ts';

/** The part of an access token's life after which it is renewed, ahead of its end. */
const RENEW_AT = 0.8;

export interface SessionDeps {
  readonly call: Call;
  readonly kind: 'token' | 'cookie';
  readonly storage: SessionStorage;
  readonly timing: Timing;
  readonly backoff: Backoff;
  /** There is a new access token. */
  onRenewed(token: string): void;
  /** The server has ended the session. */
  onEnded(code: ErrorCode): void;
}

/** Who is signed in, and the tokens that show it. */
export interface Session {
  readonly user: User | null;
  register(account: { username: string; password: string; displayName?: string }): Promise<User>;
  login(credentials: { username: string; password: string }): Promise<User>;
  /** Goes on with the kept session; null where there is none or it has ended. */
  restore(): Promise<User | null>;
  /** Forgets the session here; the server is not told. */
  forget(): Promise<void>;
  /** A valid access token, as far as can be told from here. Throws `not_authenticated` without a session. */
  token(): Promise<string>;
  /** A token newer than `stale`. Many may ask at once: one renewal serves all. */
  renew(stale: string | null): Promise<string>;
  /** The server says that the session is over. */
  ended(code: ErrorCode): Promise<void>;
}

/** Keeps the refresh token as long as the client lives. */
export function memoryStorage(): SessionStorage {
  let kept: string | null = null;
  return {
    load: async () => kept,
    save: async (refreshToken) => {
      kept = refreshToken;
    },
  };
}

interface Signed {
  readonly user: User;
  readonly accessToken: string;
  /** By the monotonic clock. */
  readonly expiresAt: number;
}

export function createSession(deps: SessionDeps): Session {
  const { call, kind, storage, timing } = deps;
  let signed: Signed | null = null;
  let renewing: Promise<string> | null = null;
  let restoring: Promise<User | null> | null = null;
  let cancelRenewal = () => {};

  async function adopt(answer: SignedIn): Promise<User> {
    const lifeMs = answer.expiresIn * 1_000;
    signed = { user: answer.user, accessToken: answer.accessToken, expiresAt: timing.monotonic() + lifeMs };
    renewLater(lifeMs * RENEW_AT, 0);
    if (answer.refreshToken !== undefined) await storage.save(answer.refreshToken);
    return answer.user;
  }

  function renewLater(ms: number, tries: number): void {
    cancelRenewal();
    const renewOrRetry = () => {
      renew(signed?.accessToken ?? null).catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        if (signed !== null) renewLater(backoffDelay(tries, deps.backoff, timing), tries + 1);
      });
    };
    cancelRenewal = timing.after(ms, renewOrRetry, true);
  }

  async function forget(): Promise<void> {
    cancelRenewal();
    signed = null;
    renewing = null;
    await storage.save(null);
  }

  /** Trades the refresh token for a new pair; null where there is none to trade. */
  async function refresh(): Promise<SignedIn | null> {
    // Always from the storage: another tab may have renewed since, and a spent token used again ends the session.
    const refreshToken = kind === 'token' ? await storage.load() : null;
    if (kind === 'token' && refreshToken === null) return null;
    return call(endpoints.refresh, { body: refreshToken === null ? {} : { refreshToken } }, null);
  }

  async function ended(code: ErrorCode): Promise<void> {
    if (signed === null) return;
    await forget();
    deps.onEnded(code);
  }

  async function renew(stale: string | null): Promise<string> {
    if (signed === null) throw fail('not_authenticated');
    if (signed.accessToken !== stale) return signed.accessToken;
    if (renewing === null) {
      const mine = renewOnce(signed).finally(() => {
        if (renewing === mine) renewing = null;
      });
      renewing = mine;
    }
    return renewing;
  }

  async function renewOnce(before: Signed): Promise<string> {
    try {
      const answer = await refresh();
      if (answer === null) throw fail('session_ended');
      // Signed out, or signed in anew, while the answer was on its way.
      if (signed !== before) throw fail('not_authenticated');
      // A browser has one cookie for all its tabs: in another one, somebody else has signed in since.
      if (answer.user.id !== before.user.id) throw fail('session_ended');
      await adopt(answer);
      deps.onRenewed(answer.accessToken);
      return answer.accessToken;
    } catch (error) {
      if (signed === before && error instanceof Failure && error.remedy === 'sign-in') await ended(error.code);
      throw error;
    }
  }

  async function restoreOnce(): Promise<User | null> {
    if (signed !== null) return signed.user;
    try {
      const answer = await refresh();
      return answer && (await adopt(answer));
    } catch (error) {
      if (!(error instanceof Failure) || error.remedy !== 'sign-in') throw error;
      await forget();
      return null;
    }
  }

  return {
    get user() {
      return signed?.user ?? null;
    },
    register: async (account) => adopt(await call(endpoints.register, { body: { ...account, session: kind } }, null)),
    login: async (given) => adopt(await call(endpoints.login, { body: { ...given, session: kind } }, null)),
    async restore() {
      restoring ??= restoreOnce().finally(() => {
        restoring = null;
      });
      return restoring;
    },
    forget,
    async token() {
      if (signed === null) throw fail('not_authenticated');
      return timing.monotonic() < signed.expiresAt ? signed.accessToken : renew(signed.accessToken);
    },
    renew,
    ended,
  };
}
