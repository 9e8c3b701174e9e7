import type { ErrorCode } from '@parley/protocol';
import { useEffect, useState } from 'react';
import { useConnection, useSession } from './client-context.ts';
import { useSecondsUntil } from './use-now.ts';

/** How long a connection may be gone before anybody is told: most come back sooner. */
const WORTH_TELLING_MS = 2_000;

export interface Outage {
  /** Why the last attempt failed, as far as that is known. */
  readonly reason: ErrorCode;
  /** When it is tried again, in words; nothing where it is not. */
  readonly nextTry: string;
  retryNow(): void;
}

/** The connection's outage, once it has lasted for 2 s; null while there is none to tell of. */
export function useOutage(): Outage | null {
  const connection = useConnection();
  const session = useSession();
  const online = connection.status === 'online';
  const [lasting, setLasting] = useState(false);
  const [reason, setReason] = useState<ErrorCode>('unavailable');
  // Kept while the next attempt is under way: what is shown must not change with every attempt.
  if (connection.status === 'waiting' && connection.reason !== reason) setReason(connection.reason);
  useEffect(() => {
    if (online) return;
    const timer = setTimeout(() => setLasting(true), WORTH_TELLING_MS);
    return () => {
      clearTimeout(timer);
      setLasting(false);
    };
  }, [online]);
  const retryAt = lasting && connection.status === 'waiting' ? connection.retryAt : null;
  const nextTry = useNextTry(retryAt);
  if (!lasting) return null;
  return { reason, nextTry: connection.status === 'offline' ? '' : nextTry, retryNow: session.retryNow };
}

/** Counts down to the next attempt; one that is under way has no time. */
export function useNextTry(retryAt: number | null): string {
  const seconds = useSecondsUntil(retryAt);
  return retryAt !== null && seconds > 0 ? `Next try in ${seconds}\u00a0s.` : 'Trying…';
}
