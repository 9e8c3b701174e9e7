import type { Failure, Message } from '@parley/protocol';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import { buildRows, type Row, type RowsInput } from '../timeline/rows.ts';
import { useClient, useConnection, useOutbox, useTimeline } from './client-context.ts';
import { useSubmit } from './use-submit.ts';

interface Loaded {
  readonly messages: readonly Message[];
  readonly complete: boolean;
  readonly pending: boolean;
  loadOlder(): void;
  rowsFor(reader: Pick<RowsInput, 'me' | 'unreadAfter'>): Row[];
}

export type History = Loaded &
  (
    | { readonly state: 'loading' | 'shown'; readonly failure: Failure | null }
    | { readonly state: 'failed'; readonly failure: Failure }
  );

const NONE: readonly Message[] = [];

/** A channel's messages as far as they are loaded, with what is on its way to it. Loads the latest page by itself. */
export function useHistory(channelId: string): History {
  const client = useClient();
  const timeline = useTimeline(channelId);
  const outbox = useOutbox();
  const online = useConnection().status === 'online';
  const { submit, pending, failure } = useSubmit(() => client.loadOlder(channelId));
  const latestSubmit = useRef(submit);
  latestSubmit.current = submit;
  const loadOlder = useCallback(() => void latestSubmit.current(), []);

  const missing = timeline === null;
  // Again when the connection comes back: whatever failed while it was gone may work now.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the connection is a reason to ask, not an argument
  useEffect(() => {
    if (missing) loadOlder();
  }, [missing, online, loadOlder]);

  return useMemo(() => {
    const messages = timeline?.messages ?? NONE;
    const complete = timeline?.complete ?? false;
    const loaded: Loaded = {
      messages,
      complete,
      pending,
      loadOlder,
      rowsFor: (reader) => {
        const own = outbox.filter((outgoing) => outgoing.channelId === channelId);
        return buildRows({ messages, complete, outbox: own, ...reader });
      },
    };
    if (timeline !== null) return { ...loaded, state: 'shown', failure };
    return failure === null ? { ...loaded, state: 'loading', failure } : { ...loaded, state: 'failed', failure };
  }, [timeline, outbox, channelId, pending, failure, loadOlder]);
}
