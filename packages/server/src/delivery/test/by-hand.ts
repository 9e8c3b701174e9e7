import type { Entry } from '@parley/protocol';
import { expect } from 'vitest';
import type { Bus } from '../../bus/bus.ts';
import type { Batch } from '../batch.ts';
import type { Hub, Subscriber } from '../hub.ts';

export const STREAM = 'stream';

/** A log that grows by hand, and is read as a store's: what is there when the reading is carried out. */
export class HandLog {
  entries: Entry[] = [];
  reads = 0;
  failing = false;
  /** Whether an answer takes until the next turn to arrive, as over a wire. */
  isSlow = false;
  /** While set, readings wait here before they look. */
  gate: Promise<void> | null = null;

  append(count: number, event: (seq: number) => Entry['event'] = read): Entry[] {
    const start = this.entries.length + 1;
    const added = Array.from({ length: count }, (_, index) => entryAt(start + index, event(start + index)));
    this.entries.push(...added);
    return added;
  }

  async readEntries({ after, limit }: { after: number; limit: number }) {
    this.reads += 1;
    const seen = [...this.entries];
    await (this.isSlow ? rest() : this.gate);
    if (this.failing) throw new Error('The log cannot be read.');
    return { entries: seen.slice(after, after + limit), head: seen.length };
  }

  async readHeads({ streams }: { streams: readonly string[] }) {
    return Object.fromEntries(streams.map((stream) => [stream, this.entries.length]));
  }
}

export const entryAt = (seq: number, event: Entry['event'] = read(seq)): Entry => ({
  ...{ stream: STREAM, seq, at: '2026-01-01T00:00:00.000Z', actor: null, event },
});
const read = (seq: number): Entry['event'] => ({ type: 'read.advanced', channelId: STREAM, seq, ordinal: seq });
export const removal = (userId: string) => (): Entry['event'] => ({ type: 'member.removed', userId });

/** A bus whose hints are delivered when a test says so. */
export class HandBus implements Bus {
  readonly followed = new Set<string>();
  #listener: (entries: readonly Entry[]) => void = () => {};
  #onFollowing: (streams: readonly string[]) => void = () => {};

  publish(): void {}
  follow(stream: string): void {
    expect(this.followed.has(stream)).toBe(false);
    this.followed.add(stream);
  }
  unfollow(stream: string): void {
    expect(this.followed.delete(stream)).toBe(true);
  }
  onEntries(listener: (entries: readonly Entry[]) => void): void {
    this.#listener = listener;
  }
  onFollowing(listener: (streams: readonly string[]) => void): void {
    this.#onFollowing = listener;
  }
  isUp(): boolean {
    return true;
  }
  async close(): Promise<void> {}
  hint(...entries: Entry[]): void {
    this.#listener(entries);
  }
  following(...streams: string[]): void {
    this.#onFollowing(streams);
  }
}

/** Somebody who writes down what they are given, and checks that it has neither gap nor repetition. */
export class Reader implements Subscriber {
  readonly received: number[] = [];
  readonly revokedAt: number[] = [];
  readonly userId: string;
  readonly #hub: Hub | undefined;

  constructor(userId = 'reader', leavesOnRevoke?: Hub) {
    this.userId = userId;
    this.#hub = leavesOnRevoke;
  }

  deliver(batch: Batch): void {
    expect([batch.first, batch.last]).toEqual([batch.entries[0]?.seq, batch.entries.at(-1)?.seq]);
    expect(batch.frames.length).toBe(batch.entries.length);
    expect(batch.chunk.equals(Buffer.concat(batch.frames))).toBe(true);
    for (const { seq } of batch.entries) {
      if (this.received.length > 0) expect(seq).toBe((this.received.at(-1) ?? 0) + 1);
      this.received.push(seq);
    }
  }

  revoke(seq: number): void {
    this.revokedAt.push(seq);
    this.#hub?.leave(STREAM, this);
  }
}

/** Until all that is under way in this process has come to rest. */
export const rest = () => new Promise((resolve) => setImmediate(resolve));
