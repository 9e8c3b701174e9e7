import type { Entry } from '@parley/protocol';
import type { Bus } from '../bus/bus.ts';
import type { Store } from '../storage/store.ts';
import type { RecentTail } from '../tail/recent-tail.ts';
import { Audience, type Listening } from './audience.ts';
import { type Batch, batchOf } from './batch.ts';
import { Turn } from './turn.ts';

/** One connection's place in one stream. */
export interface Subscriber {
  readonly userId: string;
  deliver(batch: Batch): void;
  /** Entry `seq` ended the person's membership: nothing after it may be sent. */
  revoke(seq: number): void;
}

/** A subscriber that can be one of an audience. */
export interface LiveSubscriber extends Subscriber, Listening {}

interface HubStream {
  /** Those that are not in the audience: they are catching up, or want to see each entry themselves. */
  readonly followers: Set<Subscriber>;
  audience: Audience<LiveSubscriber> | null;
  /** Everything up to here was delivered; null until the stream's head has been read. */
  delivered: number | null;
  /** Entries that came before their predecessors. */
  readonly held: Map<number, Entry>;
  /** The highest seq that a hint has told of: there is something to read while it is above `delivered`. */
  hinted: number;
  isRepairing: boolean;
}

const MOST_HELD = 1_000;
const REPAIR_PAGE = 500;

export interface HubParts {
  readonly turn?: Turn;
  /** Where missing entries are looked for before the log is read. */
  readonly tail?: RecentTail | null;
  /** While it says so nothing is delivered: it is kept for `release`. */
  readonly isHolding?: () => boolean;
}

export interface HubEvents {
  /** Entries are read because a hint was missing. */
  repaired?(stream: string): void;
  /** What was missing was looked for among the recent entries. */
  askedTail?(use: 'repair' | 'resume', found: boolean): void;
  /** Reading the log failed; it is tried again at the next comparison of heads. */
  repairFailed?(stream: string, error: unknown): void;
  /** Heads could not be compared after the bus asked for it; they are compared again before long. */
  comparisonFailed?(error: unknown): void;
  delivered?(entries: number, receivers: number): void;
}

/**
 * Delivers each stream's entries to its local subscribers, contiguously (rule D1). What is next is delivered, what is
 * older dropped, what is newer held until the missing range has been read from the log: the sequence is dense, so
 * every gap shows and one read fills it (rule D3).
 */
export class Hub {
  readonly #streams = new Map<string, HubStream>();
  readonly #store: Pick<Store, 'readEntries' | 'readHeads'>;
  readonly #bus: Bus;
  readonly #tail: RecentTail | null;
  readonly #events: HubEvents;
  readonly #turn: Turn;
  readonly #isHolding: () => boolean;

  constructor(
    store: Pick<Store, 'readEntries' | 'readHeads'>,
    bus: Bus,
    events: HubEvents = {},
    { turn = new Turn(), tail = null, isHolding = () => false }: HubParts = {},
  ) {
    this.#store = store;
    this.#bus = bus;
    this.#tail = tail;
    this.#events = events;
    this.#turn = turn;
    this.#isHolding = isHolding;
    bus.onEntries((entries) => this.accept(entries));
    bus.onFollowing((streams) => {
      this.compareHeads(streams).catch((error) => this.#events.comparisonFailed?.(error));
    });
  }

  /**
   * Starts to follow a stream. Entries are gathered from now on, and delivered once `settle` has said where the log
   * stood at some moment after this call.
   */
  join(stream: string, subscriber: Subscriber): void {
    let state = this.#streams.get(stream);
    if (!state) {
      state = {
        ...{ followers: new Set(), audience: null },
        ...{ delivered: null, held: new Map(), hinted: 0, isRepairing: false },
      };
      this.#streams.set(stream, state);
      this.#bus.follow(stream);
    }
    state.followers.add(subscriber);
  }

  leave(stream: string, subscriber: Subscriber | LiveSubscriber): void {
    const state = this.#streams.get(stream);
    if (!state) return;
    if (!state.followers.delete(subscriber) && 'seat' in subscriber) state.audience?.remove(subscriber);
    if (receiversOf(state) > 0) return;
    this.#streams.delete(stream);
    this.#bus.unfollow(stream);
  }

  /** Counts a subscriber that has everything delivered so far among the audience: it is given bytes, no batches. */
  joinAudience(stream: string, subscriber: LiveSubscriber): void {
    const state = this.#streams.get(stream);
    if (!state || state.delivered === null || !state.followers.delete(subscriber)) return;
    if (!state.audience || state.audience.size === 0) state.audience = new Audience(this.#turn, state.delivered);
    state.audience.add(subscriber);
  }

  /** Up to where those in the audience have been given the stream. */
  audienceSeq(stream: string): number {
    return this.#streams.get(stream)?.audience?.sentSeq ?? 0;
  }

  /**
   * Says that the log's head was `head` when it was read, after `join`. The first word on a stream says where delivery
   * starts; a later one that is ahead of it shows that hints were lost.
   */
  settle(stream: string, head: number): void {
    const state = this.#streams.get(stream);
    if (!state) return;
    if (state.delivered === null) {
      state.delivered = head;
      this.#deliverHeld(stream, state);
    } else if (head > state.delivered) {
      state.hinted = Math.max(state.hinted, head);
      this.#repair(stream, state);
    }
  }

  /** The last seq delivered here; 0 while unknown. Everything up to it is in the log. */
  deliveredSeq(stream: string): number {
    return this.#streams.get(stream)?.delivered ?? 0;
  }

  /** The entries after+1 … to out of what is remembered, all of them or null; their reader has the right to each. */
  async recent(stream: string, after: number, to: number, use: 'repair' | 'resume' = 'resume') {
    if (!this.#tail || to <= after) return null;
    const entries = await this.#tail.read({ stream, after, to });
    this.#events.askedTail?.(use, entries !== null);
    return entries;
  }

  /** How many local connections follow a stream. */
  receivers(stream: string): number {
    const state = this.#streams.get(stream);
    return state ? receiversOf(state) : 0;
  }

  /** Takes committed entries, from this node's store or as hints from others. */
  accept(entries: readonly Entry[]): void {
    let start = 0;
    while (start < entries.length) {
      const stream = (entries[start] as Entry).stream;
      let end = start + 1;
      while (end < entries.length && (entries[end] as Entry).stream === stream) end += 1;
      const state = this.#streams.get(stream);
      if (state) this.#acceptRun(stream, state, entries.slice(start, end));
      start = end;
    }
  }

  /** Compares the heads of followed streams, all unless some are named, with the database and reads what was missed. */
  async compareHeads(some?: readonly string[]): Promise<void> {
    const streams = some?.filter((stream) => this.#streams.has(stream)) ?? [...this.#streams.keys()];
    if (streams.length === 0) return;
    const heads = await this.#store.readHeads({ streams });
    for (const [stream, head] of Object.entries(heads)) {
      const state = this.#streams.get(stream);
      if (!state || head <= (state.delivered ?? 0)) continue;
      // What is read here may be newer than what `settle` is about to tell.
      state.hinted = Math.max(state.hinted, head);
      if (state.delivered !== null) this.#repair(stream, state);
    }
  }

  /** Delivers what was held back, and reads what was too much to hold. */
  release(): void {
    for (const [stream, state] of this.#streams) this.#deliverHeld(stream, state);
  }

  #acceptRun(stream: string, state: HubStream, run: readonly Entry[]): void {
    const { delivered } = state;
    if (delivered !== null && state.held.size === 0 && goesOn(run, delivered) && !this.#isHolding()) {
      return this.#deliver(state, run);
    }
    for (const entry of run) {
      if (entry.seq <= (delivered ?? 0)) continue;
      state.hinted = Math.max(state.hinted, entry.seq);
      if (state.held.size < MOST_HELD) state.held.set(entry.seq, entry);
    }
    this.#deliverHeld(stream, state);
  }

  #deliverHeld(stream: string, state: HubStream): void {
    if (state.delivered === null || this.#isHolding()) return;
    const run: Entry[] = [];
    for (const seq of [...state.held.keys()].sort((a, b) => a - b)) {
      const entry = state.held.get(seq) as Entry;
      if (seq === state.delivered + run.length + 1) run.push(entry);
      if (seq <= state.delivered + run.length) state.held.delete(seq);
    }
    if (run.length > 0) this.#deliver(state, run);
    if (state.hinted > state.delivered) this.#repair(stream, state);
  }

  #repair(stream: string, state: HubStream): void {
    if (state.isRepairing) return;
    state.isRepairing = true;
    this.#events.repaired?.(stream);
    void this.#readMissing(stream, state);
  }

  async #readMissing(stream: string, state: HubStream): Promise<void> {
    let isMissing = true;
    try {
      while (isMissing) {
        const { hinted } = state;
        const after = state.delivered ?? 0;
        const recent = await this.recent(stream, after, hinted, 'repair');
        const { entries, head } = recent
          ? { entries: recent, head: hinted }
          : await this.#store.readEntries({ stream, after, limit: REPAIR_PAGE });
        if (this.#streams.get(stream) !== state || this.#isHolding()) return;
        const missing = entries.filter((entry) => entry.seq > (state.delivered ?? 0));
        if (missing.length > 0) this.#deliver(state, missing);
        this.#deliverHeld(stream, state);
        const delivered = state.delivered ?? 0;
        // A log that was read after a hint came and does not hold what it told of never will: the hint was none.
        if (head < hinted || (entries.length === 0 && state.hinted === hinted)) {
          state.held.clear();
          state.hinted = delivered;
        }
        // From here to the end of the repair nothing is awaited, so that no hint falls between.
        isMissing = state.hinted > delivered || (entries.length > 0 && head > delivered);
      }
    } catch (error) {
      this.#events.repairFailed?.(stream, error);
    } finally {
      state.isRepairing = false;
    }
  }

  /** Hands a run of next entries to everybody, stopping at each removal so that the removed receive nothing after it. */
  #deliver(state: HubStream, run: readonly Entry[]): void {
    let start = 0;
    for (let index = 0; index < run.length; index += 1) {
      const { event, seq } = run[index] as Entry;
      if (event.type !== 'member.removed' && event.type !== 'member.left') continue;
      this.#deliverRun(state, run.slice(start, index + 1));
      start = index + 1;
      const subscribers = [...state.followers, ...(state.audience?.members ?? [])];
      for (const subscriber of subscribers) if (subscriber.userId === event.userId) subscriber.revoke(seq);
    }
    if (start < run.length) this.#deliverRun(state, start === 0 ? run : run.slice(start));
  }

  #deliverRun(state: HubStream, entries: readonly Entry[]): void {
    const batch = batchOf(entries);
    state.delivered = batch.last;
    const { audience, followers } = state;
    if (audience?.canTake(batch)) audience.take(batch);
    else for (const subscriber of audience?.dismiss() ?? []) followers.add(subscriber);
    for (const subscriber of followers) subscriber.deliver(batch);
    this.#events.delivered?.(entries.length, receiversOf(state));
  }
}

function receiversOf({ followers, audience }: HubStream): number {
  return followers.size + (audience?.size ?? 0);
}

/** Whether the run is what comes after `seq`, one by one. */
function goesOn(run: readonly Entry[], seq: number): boolean {
  return run.every((entry, index) => entry.seq === seq + index + 1);
}
