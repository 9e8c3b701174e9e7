import { ERRORS, Failure, fail, type Message, newId, Send } from '@parley/protocol';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { Command, OkFrame } from './frames.ts';
import type { Timing } from './timing.ts';
import type { Ack, Outgoing } from './types.ts';

export interface OutboxDeps {
  request(command: Command): Promise<OkFrame>;
  isOnline(): boolean;
  cursorOf(stream: string): number | undefined;
  readonly timing: Timing;
  readonly backoff: Backoff;
  onChange(): void;
}

/** Messages on their way out, one line a channel. */
export interface Outbox {
  /** Oldest first; the same array until it changes. */
  list(): readonly Outgoing[];
  send(channelId: string, body: string, id?: string): Promise<Ack>;
  retry(id: string): void;
  discard(id: string): void;
  /** The connection is up: whatever waits for it is sent. */
  resume(): void;
  /** A message stands in the log. */
  arrived(message: Message): void;
  /** Lets go of acknowledged messages whose entry will not come past any more. To be called after cursors moved. */
  settle(): void;
  /** Drops everything: whoever waits for an ack gets `why`. */
  clear(why: Failure): void;
}

interface Item {
  shown: Outgoing;
  readonly outcome: PromiseWithResolvers<Ack>;
}

/**
 * What waits for its turn in one channel. One send is on its way at a time: were the next one sent along, it could be
 * accepted where this one is refused for a moment, and would then stand before it for ever (O3).
 */
interface Lane {
  readonly queue: Item[];
  sending: boolean;
  pause: { readonly cancel: () => void; readonly told: boolean } | null;
  tries: number;
}

const THROTTLED_WAIT_MS = 1_000;

export function createOutbox(deps: OutboxDeps): Outbox {
  const { timing } = deps;
  const items = new Map<string, Item>();
  const lanes = new Map<string, Lane>();
  /** Acknowledged before their entry came: they stay on show until it does, so that nothing flickers. */
  const acked = new Map<string, Ack>();
  let listed: readonly Outgoing[] | null = null;

  function changed(): void {
    listed = null;
    deps.onChange();
  }

  function show(item: Item, status: Outgoing['status']): void {
    item.shown = { ...item.shown, status };
    changed();
  }

  function laneOf(channelId: string): Lane {
    let lane = lanes.get(channelId);
    if (lane === undefined) {
      lane = { queue: [], sending: false, pause: null, tries: 0 };
      lanes.set(channelId, lane);
    }
    return lane;
  }

  function enqueue(item: Item): void {
    const lane = laneOf(item.shown.channelId);
    lane.queue.push(item);
    pump(lane);
  }

  function pump(lane: Lane): void {
    const item = lane.queue[0];
    if (item === undefined || lane.sending || lane.pause !== null || !deps.isOnline()) return;
    const { id, channelId, body } = item.shown;
    lane.sending = true;
    deps.request({ type: 'send', id, channelId, body }).then(
      ({ seq }) => {
        lane.sending = false;
        if (seq === undefined) return refused(lane, item, fail('internal'));
        acknowledge(item, seq);
        pump(lane);
      },
      (error: unknown) => {
        lane.sending = false;
        if (!(error instanceof Failure)) throw error;
        refused(lane, item, error);
      },
    );
  }

  function acknowledge(item: Item, seq: number): void {
    const { id, channelId } = item.shown;
    const ack = { id, channelId, seq };
    item.outcome.resolve(ack);
    // Its entry came first, or it was dropped meanwhile.
    if (items.get(id) !== item) return;
    leaveLane(item);
    acked.set(id, ack);
    settle();
  }

  function leaveLane({ shown }: Item): void {
    const lane = lanes.get(shown.channelId);
    if (lane === undefined) return;
    const place = lane.queue.findIndex((other) => other.shown.id === shown.id);
    if (place < 0) return;
    lane.queue.splice(place, 1);
    // What held up the first one does not hold up the next.
    if (place === 0 && !lane.sending) {
      lane.pause?.cancel();
      lane.pause = null;
      lane.tries = 0;
    }
  }

  function refused(lane: Lane, item: Item, failure: Failure): void {
    if (lane.queue[0] !== item) return pump(lane);
    switch (failure.remedy) {
      case 'wait': {
        const ms = failure.details.retryAfterMs ?? THROTTLED_WAIT_MS;
        show(item, { kind: 'throttled', retryAt: timing.now() + ms });
        return pauseLane(lane, ms, true);
      }
      // Outcome unknown, or nobody asked who we are: the same id again, until the server says yes or no.
      case 'retry':
      case 'sign-in':
        pauseLane(lane, failure.details.retryAfterMs ?? backoffDelay(lane.tries, deps.backoff, timing), false);
        lane.tries += 1;
        return;
      default:
        leaveLane(item);
        show(item, { kind: 'failed', code: failure.code, title: ERRORS[failure.code].title });
        item.outcome.reject(failure);
        pump(lane);
    }
  }

  /** `told`: the server named the wait, so that a new connection does not shorten it. */
  function pauseLane(lane: Lane, ms: number, told: boolean): void {
    const cancel = timing.after(ms, () => {
      lane.pause = null;
      const [first] = lane.queue;
      if (first?.shown.status.kind === 'throttled') show(first, { kind: 'sending' });
      pump(lane);
    });
    lane.pause = { cancel, told };
  }

  function settle(): void {
    if (acked.size === 0) return;
    for (const [id, { channelId, seq }] of acked) {
      const cursor = deps.cursorOf(channelId);
      if (cursor !== undefined && cursor < seq) continue;
      acked.delete(id);
      items.delete(id);
      changed();
    }
  }

  return {
    list() {
      listed ??= [...items.values()].map((item) => item.shown);
      return listed;
    },
    send(channelId, body, id = newId()) {
      // Read as the server will read it: what could never be accepted is not sent, and what is shown is what arrives.
      const read = Send.safeParse({ type: 'send', ref: 0, id, channelId, body });
      if (!read.success) {
        const errors = read.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
        return Promise.reject(fail('validation_failed', { errors }));
      }
      const message = read.data;
      const known = items.get(message.id);
      if (known !== undefined) {
        const same = known.shown.channelId === message.channelId && known.shown.body === message.body;
        return same ? known.outcome.promise : Promise.reject(fail('id_conflict'));
      }
      const outcome = Promise.withResolvers<Ack>();
      // A refusal is on show in the outbox: not to wait for the promise is no mistake.
      outcome.promise.catch(() => {});
      const createdAt = new Date(timing.now()).toISOString();
      const item: Item = {
        shown: {
          id: message.id,
          channelId: message.channelId,
          body: message.body,
          createdAt,
          status: { kind: 'sending' },
        },
        outcome,
      };
      items.set(message.id, item);
      changed();
      enqueue(item);
      return outcome.promise;
    },
    retry(id) {
      const item = items.get(id);
      if (item?.shown.status.kind !== 'failed') return;
      show(item, { kind: 'sending' });
      enqueue(item);
    },
    discard(id) {
      if (items.get(id)?.shown.status.kind !== 'failed') return;
      items.delete(id);
      changed();
    },
    resume() {
      for (const lane of lanes.values()) {
        if (lane.pause !== null && !lane.pause.told) {
          lane.pause.cancel();
          lane.pause = null;
        }
        lane.tries = 0;
        pump(lane);
      }
    },
    arrived(message) {
      const item = items.get(message.id);
      if (item?.shown.channelId !== message.channelId) return;
      leaveLane(item);
      acked.delete(message.id);
      items.delete(message.id);
      item.outcome.resolve({ id: message.id, channelId: message.channelId, seq: message.seq });
      changed();
      pump(laneOf(message.channelId));
    },
    settle,
    clear(why) {
      for (const lane of lanes.values()) lane.pause?.cancel();
      const dropped = [...items.values()];
      lanes.clear();
      items.clear();
      acked.clear();
      for (const item of dropped) item.outcome.reject(why);
      if (dropped.length > 0) changed();
    },
  };
}
