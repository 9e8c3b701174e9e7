import type { Client } from '@parley/client';
import { type ErrorCode, Failure, type User } from '@parley/protocol';
import { claimDrafts, forgetDrafts, hasDrafts } from '../timeline/drafts.ts';

/** Whether somebody is signed in, as the pages need to know it. */
export type SessionStatus =
  | { readonly kind: 'restoring' }
  /** There may be a session, but the server cannot be asked. It is again at `retryAt`; null while it is being asked. */
  | { readonly kind: 'unreachable'; readonly reason: ErrorCode; readonly retryAt: number | null }
  /** `notice` says why, where the person did not ask for it. */
  | { readonly kind: 'signed-out'; readonly notice: string | null }
  | { readonly kind: 'signed-in' };

/** The person's session: who may see the chat, and how it begins and ends. */
export interface Session {
  getStatus(): SessionStatus;
  subscribe(listener: () => void): () => void;
  /**
   * Goes on with an earlier session, where this browser has had one; asks again and again, with growing waits, while
   * the server cannot be reached. Never rejects: the status tells.
   */
  restore(): Promise<void>;
  /** Does not wait for the next attempt to reach the server, whatever it is that could not be reached. */
  retryNow(): void;
  signIn(credentials: { username: string; password: string }): Promise<void>;
  register(account: { username: string; password: string; displayName?: string }): Promise<void>;
  /** Ends the session. Rejects, and goes on with it, where the server cannot be told. */
  signOut(): Promise<void>;
}

/** Remembers that there is a session to ask for: the cookie itself is unseen by scripts. Holds no secret. */
export const SESSION_HINT = 'parley.session';

const LEAST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;

/** Up to twice as long each time; half of it is left to chance, so that not everybody asks in the same moment. */
const waitAfter = (tries: number) => Math.min(MOST_WAIT_MS, LEAST_WAIT_MS * 2 ** tries) * (0.5 + Math.random() / 2);

export function createSession(client: Client, storage: Storage): Session {
  let status: SessionStatus = { kind: 'restoring' };
  // The person asked for the end of it: it is no surprise to explain.
  let leaving = false;
  let asking = false;
  let tries = 0;
  let retryTimer = 0;
  const listeners = new Set<() => void>();

  const become = (next: SessionStatus) => {
    status = next;
    if (next.kind === 'signed-in') storage.setItem(SESSION_HINT, 'cookie');
    if (next.kind === 'signed-out') storage.removeItem(SESSION_HINT);
    for (const listener of listeners) listener();
  };

  const begin = (user: User) => {
    claimDrafts(user.id);
    become({ kind: 'signed-in' });
    // What keeps it from connecting is told by the connection's state, which the pages and the line below follow.
    client.connect().catch(() => undefined);
  };

  const lose = () => {
    const kept = hasDrafts() || client.getOutbox().length > 0;
    const notice =
      'Your session has ended, perhaps in another tab or on another device. Sign in again to go on' +
      (kept ? ': what you had not sent is kept.' : '.');
    become({ kind: 'signed-out', notice });
  };

  client.subscribe(() => {
    if (client.getConnection().status === 'signed-out' && status.kind === 'signed-in' && !leaving) lose();
  });

  async function restore(): Promise<void> {
    if (asking) return;
    asking = true;
    clearTimeout(retryTimer);
    become(status.kind === 'unreachable' ? { ...status, retryAt: null } : { kind: 'restoring' });
    try {
      const user = await client.restore();
      tries = 0;
      if (user === null) lose();
      else begin(user);
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure('internal', {}, { cause: error });
      const wait = failure.details.retryAfterMs ?? waitAfter(tries);
      tries += 1;
      retryTimer = window.setTimeout(() => void restore(), wait);
      become({ kind: 'unreachable', reason: failure.code, retryAt: Date.now() + wait });
    } finally {
      asking = false;
    }
  }

  return {
    getStatus: () => status,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async restore() {
      if (storage.getItem(SESSION_HINT) === null) become({ kind: 'signed-out', notice: null });
      else await restore();
    },
    retryNow() {
      if (status.kind === 'unreachable') void restore();
      if (status.kind !== 'signed-in') return;
      if (client.getConnection().status === 'offline') client.connect().catch(() => undefined);
      else client.reconnectNow();
    },
    async signIn(credentials) {
      begin(await client.signIn(credentials));
    },
    async register(account) {
      begin(await client.register(account));
    },
    async signOut() {
      leaving = true;
      try {
        await client.signOut();
        forgetDrafts();
        become({ kind: 'signed-out', notice: null });
      } catch (error) {
        client.connect().catch(() => undefined);
        throw error;
      } finally {
        leaving = false;
      }
    },
  };
}
