import type { Client } from '@parley/client';
import { ERRORS, Failure } from '@parley/protocol';
import { forgetDrafts } from '../timeline/drafts.ts';

/** Whether somebody is signed in, as the pages need to know it. */
export type SessionStatus =
  | { readonly kind: 'restoring' }
  /** There may be a session, but the server cannot be asked. */
  | { readonly kind: 'unreachable' }
  /** `notice` says why, where the person did not ask for it. */
  | { readonly kind: 'signed-out'; readonly notice: string | null }
  | { readonly kind: 'signed-in' };

/** The person's session: who may see the chat, and how it begins and ends. */
export interface Session {
  getStatus(): SessionStatus;
  subscribe(listener: () => void): () => void;
  /** Goes on with an earlier session, where this browser has had one. Never rejects: the status tells. */
  restore(): Promise<void>;
  signIn(credentials: { username: string; password: string }): Promise<void>;
  register(account: { username: string; password: string; displayName?: string }): Promise<void>;
  /** Ends the session. Rejects, and goes on with it, where the server cannot be told. */
  signOut(): Promise<void>;
}

/** Remembers that there is a session to ask for: the cookie itself is unseen by scripts. Holds no secret. */
const HINT = 'parley.session';

export function createSession(client: Client, storage: Storage): Session {
  let status: SessionStatus = { kind: 'restoring' };
  // The person asked for the end of it: it is no surprise to explain.
  let leaving = false;
  const listeners = new Set<() => void>();

  const become = (next: SessionStatus) => {
    status = next;
    if (next.kind === 'signed-in') storage.setItem(HINT, 'cookie');
    if (next.kind === 'signed-out') {
      storage.removeItem(HINT);
      forgetDrafts();
    }
    for (const listener of listeners) listener();
  };

  const begin = () => {
    become({ kind: 'signed-in' });
    // What keeps it from connecting is told by the connection's state, which the banner and the line below follow.
    client.connect().catch(() => undefined);
  };

  client.subscribe(() => {
    const connection = client.getConnection();
    if (connection.status !== 'signed-out' || status.kind !== 'signed-in' || leaving) return;
    become({ kind: 'signed-out', notice: ERRORS[connection.reason].title });
  });

  return {
    getStatus: () => status,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async restore() {
      if (storage.getItem(HINT) === null) return become({ kind: 'signed-out', notice: null });
      become({ kind: 'restoring' });
      try {
        if (await client.restore()) begin();
        else become({ kind: 'signed-out', notice: null });
      } catch (error) {
        const ended = error instanceof Failure && error.remedy === 'sign-in';
        become(ended ? { kind: 'signed-out', notice: error.message } : { kind: 'unreachable' });
      }
    },
    async signIn(credentials) {
      await client.signIn(credentials);
      begin();
    },
    async register(account) {
      await client.register(account);
      begin();
    },
    async signOut() {
      leaving = true;
      try {
        await client.signOut();
        become({ kind: 'signed-out', notice: null });
      } finally {
        leaving = false;
      }
    },
  };
}
