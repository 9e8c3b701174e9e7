import { Duplex } from 'node:stream';
import { type Entry, fail } from '@parley/protocol';
import { SocketWriter } from '../../gateway/socket-writer.ts';
import { Hub } from '../hub.ts';
import { Subscription } from '../subscription.ts';
import { Turn } from '../turn.ts';
import { entryAt, HandBus, removal } from './by-hand.ts';
import { Listener } from './listener.ts';

export const STREAMS = ['north', 'south', 'east'] as const;
export type Stream = (typeof STREAMS)[number];

/** Logs of several streams that grow by hand, at a hub whose hints arrive when a test says so. */
export class World {
  readonly bus = new HandBus();
  readonly turn = new Turn();
  readonly #removed = new Set<string>();
  readonly #logs = new Map<string, Entry[]>(STREAMS.map((stream) => [stream, []]));
  readonly hub = new Hub(
    { readEntries: async (range) => this.#read(range), readHeads: async ({ streams }) => this.heads(streams) },
    this.bus,
    {},
    { turn: this.turn },
  );

  heads(streams: readonly string[] = STREAMS) {
    return Object.fromEntries(streams.map((stream) => [stream, this.#logs.get(stream)?.length ?? 0]));
  }

  /** Commits so many entries with a text of so many characters; only the last hint arrives if the others are lost. */
  say(stream: Stream, count: number, length: number, areLost: boolean): void {
    const event = { type: 'channel.updated', name: 'x'.repeat(length), rev: 1 } as never;
    const added = Array.from({ length: count }, () => this.#append(stream, event));
    this.bus.hint(...(areLost ? added.slice(-1) : added));
  }

  /** Commits an entry that no hint tells of. */
  lose(stream: Stream): void {
    this.#quiet(stream);
  }

  /** Removes somebody, who may read the log no more; with what is said before and after it in the same commit. */
  remove(stream: Stream, userId: string, isLost = false): number {
    const run = [this.#quiet(stream), this.#append(stream, removal(userId)()), this.#quiet(stream)];
    const removed = run[1] as Entry;
    this.#removed.add(`${stream} ${userId}`);
    this.bus.hint(...(isLost ? run.slice(-1) : run));
    return removed.seq;
  }

  #quiet(stream: Stream): Entry {
    return this.#append(stream, { type: 'channel.updated', name: 'x', rev: 1 } as never);
  }

  connect(userId = 'peer'): Peer {
    return new Peer(this, userId);
  }

  #append(stream: Stream, event: Entry['event']): Entry {
    const log = this.#logs.get(stream) ?? [];
    const entry = { ...entryAt(log.length + 1, event), stream };
    log.push(entry);
    return entry;
  }

  #read({ stream, after, limit }: { stream: string; after: number; limit: number }) {
    const log = this.#logs.get(stream) ?? [];
    return { entries: log.slice(after, after + limit), head: log.length };
  }

  get log() {
    return {
      readLog: async (range: { userId: string; stream: string; after: number; limit: number }) => {
        if (this.#removed.has(`${range.stream} ${range.userId}`)) throw fail('channel_not_found');
        return this.#read(range);
      },
    };
  }
}

interface Place {
  readonly subscription: Subscription;
  readonly after: number;
  /** The last entry that may be sent. */
  last: number;
  hasEnded: boolean;
}

/** A connection with the real writer over a wire that keeps what was written. */
export class Peer {
  readonly wire = new Listener();
  readonly places = new Map<string, Place>();
  readonly sink: SocketWriter;
  readonly userId: string;
  readonly #world: World;
  readonly #writes: Buffer[] = [];
  #take: (() => void) | null = null;
  isStuck = false;
  isTooSlow = false;

  constructor(world: World, userId: string) {
    this.#world = world;
    this.userId = userId;
    const socket = new Duplex({
      read() {},
      write: (chunk: Buffer, _, done) => {
        this.#writes.push(chunk);
        this.wire.write(chunk);
        if (this.isStuck) this.#take = done;
        else done();
      },
    });
    this.sink = new SocketWriter(socket, world.turn, () => this.#close());
  }

  get writes(): number {
    return this.#writes.length;
  }

  get firstWrite(): Buffer | undefined {
    return this.#writes[0];
  }

  follow(stream: Stream): void {
    if (this.places.has(stream) || this.isTooSlow) return;
    const after = this.#world.heads()[stream] ?? 0;
    const subscription = new Subscription(stream, { after, memberSince: 0 }, this, this.#world.hub, this.#world.log);
    this.places.set(stream, { subscription, after, last: Number.POSITIVE_INFINITY, hasEnded: false });
    this.#world.hub.join(stream, subscription);
    this.#world.hub.settle(stream, after);
    void subscription.start();
  }

  stick(): void {
    this.isStuck = true;
  }

  goOn(): void {
    this.isStuck = false;
    this.#take?.();
    this.#take = null;
  }

  leave(stream: Stream): void {
    this.places.get(stream)?.subscription.end();
  }

  beRemoved(stream: Stream, isLost: boolean): void {
    const place = this.places.get(stream);
    if (!place || place.hasEnded) return;
    place.last = this.#world.remove(stream, this.userId, isLost);
  }

  isAt(stream: string): boolean {
    return this.places.get(stream)?.hasEnded === false;
  }

  drained(): Promise<boolean> {
    return this.sink.drained();
  }

  #close(): void {
    this.isTooSlow = true;
    for (const { subscription } of this.places.values()) subscription.end();
  }

  ended(stream: string): void {
    const place = this.places.get(stream);
    if (place) place.hasEnded = true;
  }
  failed(error: unknown): void {
    this.wire.failed(error);
  }
  tooSlow(): void {
    this.#close();
  }
  gapFound(stream: string): void {
    this.wire.gapFound(stream);
  }
}
