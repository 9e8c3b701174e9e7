import { Failure, type MyChannel } from '@parley/protocol';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { Command, OkFrame } from './frames.ts';
import { readUpTo } from './reduce.ts';
import type { Store } from './store.ts';
import type { Timing } from './timing.ts';
import type { State } from './types.ts';

/** Calls within this make one request. */
const TOGETHER_MS = 250;

export interface ReadMarksDeps {
  readonly store: Pick<Store, 'getState' | 'update'>;
  request(command: Command): Promise<OkFrame>;
  isOnline(): boolean;
  readonly timing: Timing;
  readonly backoff: Backoff;
}

/** Read cursors on their way to the server. */
export interface ReadMarks {
  mark(channelId: string, seq: number): void;
  /** The connection is up: whatever waits for it is sent. */
  resume(): void;
  /** A fresh snapshot does not know yet what is still on its way: says it again. */
  reapply(): void;
  clear(): void;
}

export function createReadMarks(deps: ReadMarksDeps): ReadMarks {
  const { store, timing } = deps;
  const wanted = new Map<string, number>();
  const sending = new Set<string>();
  let cancel: (() => void) | null = null;
  let tries = 0;

  function flushIn(ms: number): void {
    cancel ??= timing.after(ms, () => {
      cancel = null;
      flush();
    });
  }

  function flush(): void {
    if (!deps.isOnline()) return;
    for (const [channelId, seq] of wanted) if (!sending.has(channelId)) void tell(channelId, seq);
  }

  async function tell(channelId: string, seq: number): Promise<void> {
    sending.add(channelId);
    try {
      await deps.request({ type: 'read', channelId, seq });
      tries = 0;
      if (wanted.get(channelId) === seq) wanted.delete(channelId);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // Refused for good, as after a removal: there is nothing left to mark.
      if (error.remedy === 'fix' || error.remedy === 'give-up') wanted.delete(channelId);
      else tries += 1;
    } finally {
      sending.delete(channelId);
    }
    if (wanted.has(channelId)) flushIn(tries === 0 ? TOGETHER_MS : backoffDelay(tries, deps.backoff, timing));
  }

  return {
    mark(channelId, seq) {
      const channel = store.getState()?.channels.get(channelId);
      if (channel === undefined) return;
      const upTo = Math.min(seq, channel.head);
      if (upTo <= Math.max(channel.readSeq, wanted.get(channelId) ?? 0)) return;
      wanted.set(channelId, upTo);
      store.update((state) => markLocally(state, channelId, upTo));
      flushIn(TOGETHER_MS);
    },
    resume() {
      tries = 0;
      if (wanted.size > 0) flush();
    },
    reapply() {
      for (const [channelId, seq] of wanted) store.update((state) => markLocally(state, channelId, seq));
    },
    clear() {
      cancel?.();
      cancel = null;
      wanted.clear();
    },
  };
}

function markLocally(state: State, channelId: string, seq: number): State {
  const channel = state.channels.get(channelId);
  const ordinal = channel && ordinalAt(state, channel, seq);
  if (channel === undefined || ordinal === undefined || seq <= channel.readSeq) return state;
  const channels = new Map(state.channels).set(channelId, readUpTo(channel, seq, ordinal));
  return { ...state, channels };
}

/** How many messages stand at or below `seq`; undefined where no loaded message tells. */
function ordinalAt(state: State, channel: MyChannel, seq: number): number | undefined {
  if (seq >= channel.head) return channel.messageCount;
  return state.timelines.get(channel.id)?.messages.findLast((message) => message.seq <= seq)?.ordinal;
}
