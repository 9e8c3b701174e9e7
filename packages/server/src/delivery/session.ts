import type { Cursors, Entry } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Subscription as Place, Store } from '../storage/store.ts';
import type { Hub } from './hub.ts';
import { type Receiver, Subscription } from './subscription.ts';
import type { Sink } from './turn.ts';

/** The connection under a session. */
export interface Transport {
  readonly sink: Sink;
  drained(): Promise<boolean>;
  /** The session was ended, here or elsewhere. */
  sessionEnded(): void;
  /** The peer takes nothing while much arrives for it. */
  tooSlow(): void;
  failed(error: unknown): void;
  gapFound(stream: string): void;
}

/** Where the reader says that it stands. */
export interface Standpoint {
  readonly epoch?: string | undefined;
  readonly cursors?: Cursors | undefined;
}

export interface Greeting {
  readonly epoch: string;
  /** The seq after which each stream without a cursor goes on; for the others, the head. */
  readonly heads: Cursors;
  /** The cursors belong to another lineage of the database, and were not used. */
  readonly reset: boolean;
}

/**
 * What one signed-in connection follows: the workspace, the person's own stream, and every channel they are a member
 * of, kept in step with their own stream, which says where they were added and removed.
 */
export class Session implements Receiver {
  readonly actor: Actor;
  readonly #transport: Transport;
  readonly #hub: Hub;
  readonly #store: Pick<Store, 'epoch' | 'listSubscriptions' | 'readLog'>;
  readonly #subscriptions = new Map<string, Subscription>();
  #ended = false;

  constructor(
    actor: Actor,
    transport: Transport,
    hub: Hub,
    store: Pick<Store, 'epoch' | 'listSubscriptions' | 'readLog'>,
  ) {
    this.actor = actor;
    this.#transport = transport;
    this.#hub = hub;
    this.#store = store;
  }

  get userId(): string {
    return this.actor.userId;
  }

  get sink(): Sink {
    return this.#transport.sink;
  }

  /** Subscribes to everything the person may follow, without sending anything yet. */
  async open({ epoch, cursors = {} }: Standpoint): Promise<Greeting> {
    const places = await this.#subscribe();
    const lost =
      (epoch !== undefined && epoch !== this.#store.epoch) ||
      places.some(({ stream, head }) => (cursors[stream] ?? 0) > head);
    const known = lost ? {} : cursors;
    const heads: Cursors = {};
    for (const { stream, head, joinedSeq } of places) {
      // A channel that a resuming reader does not know is one it joined meanwhile: its own stream will say so.
      const start = known[stream] ?? (known[this.userId] === undefined ? head : joinedSeq);
      const place = this.#subscriptions.get(stream);
      // What the own stream says from here on decides what is followed, so none of it may be skipped. It is nobody
      // else's, and not remembered.
      if (stream === this.userId) place?.startFrom(start, 0, head);
      else place?.startFrom(start, head);
      heads[stream] = known[stream] === undefined ? start : head;
    }
    return { epoch: this.#store.epoch, heads, reset: lost };
  }

  /** Sends what the reader missed, stream by stream, its own first, and then all that follows. */
  async start(): Promise<void> {
    const own = this.#subscriptions.get(this.userId);
    const others = [...this.#subscriptions.values()].filter((subscription) => subscription !== own);
    await own?.start();
    for (const subscription of others) await subscription.start();
  }

  /** The heads that have moved since they were last taken. */
  takeMovedHeads(): Cursors {
    const heads: Cursors = {};
    for (const subscription of this.#subscriptions.values()) {
      const head = subscription.takeMovedHead();
      if (head !== null) heads[subscription.stream] = head;
    }
    return heads;
  }

  end(): void {
    this.#ended = true;
    for (const subscription of [...this.#subscriptions.values()]) subscription.end();
  }

  drained(): Promise<boolean> {
    return this.#transport.drained();
  }

  ended(stream: string): void {
    this.#subscriptions.delete(stream);
  }

  tooSlow(): void {
    this.#transport.tooSlow();
  }

  failed(error: unknown): void {
    this.#transport.failed(error);
  }

  gapFound(stream: string): void {
    this.#transport.gapFound(stream);
  }

  /**
   * Joins the hub first and then reads again what the person may follow, until nothing new is found: whatever changes
   * after the last reading reaches the hub, so neither an entry nor a removal can fall between (rules D1, A1).
   */
  async #subscribe(): Promise<readonly Place[]> {
    for (;;) {
      const places = await this.#store.listSubscriptions({ userId: this.userId });
      if (this.#ended) return [];
      const fresh = places.filter(({ stream }) => !this.#subscriptions.has(stream));
      if (fresh.length === 0) return this.#confirm(places);
      for (const { stream, head, joinedSeq } of fresh) this.#add(stream, { after: head, memberSince: joinedSeq });
    }
  }

  #confirm(places: readonly Place[]): readonly Place[] {
    const streams = new Set(places.map(({ stream }) => stream));
    for (const subscription of [...this.#subscriptions.values()]) {
      if (!streams.has(subscription.stream)) subscription.end();
    }
    for (const { stream, head, joinedSeq } of places) {
      this.#hub.settle(stream, head);
      this.#subscriptions.get(stream)?.confirmMember(joinedSeq);
    }
    return places;
  }

  #add(stream: string, start: { after: number; memberSince: number }): Subscription {
    const heeding = {
      onSent: (entries: readonly Entry[]) => this.#heed(entries),
      // A reader that takes nothing would never be sent the end of its session (rule A2).
      onAhead: (entries: readonly Entry[]) => this.#heedEnd(entries),
    };
    const isOwn = stream === this.userId;
    const subscription = new Subscription(
      stream,
      isOwn ? { ...start, ...heeding } : start,
      this,
      this.#hub,
      this.#store,
    );
    this.#subscriptions.set(stream, subscription);
    this.#hub.join(stream, subscription);
    return subscription;
  }

  /** Acts on what the person's own stream has just told their client. */
  #heed(entries: readonly Entry[]): void {
    for (const { event } of entries) {
      if (this.#ended) return;
      if (event.type === 'membership.added') this.#follow(event.channel.id, event.channel.head);
    }
    this.#heedEnd(entries);
  }

  #heedEnd(entries: readonly Entry[]): void {
    for (const { event } of entries) {
      if (event.type === 'session.ended' && event.sessionId === this.actor.sessionId) this.#transport.sessionEnded();
    }
  }

  #follow(channelId: string, joinedSeq: number): void {
    const existing = this.#subscriptions.get(channelId);
    if (existing) return existing.confirmMember(joinedSeq);
    void this.#add(channelId, { after: joinedSeq, memberSince: joinedSeq }).startChecked();
  }
}
