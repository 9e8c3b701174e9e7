import { isDeepStrictEqual } from 'node:util';
import { reduce, type State, snapshotFromState, stateFromSnapshot } from '@parley/client';
import type { Entry, User } from '@parley/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { aHappening, World } from '../storage/test/happenings.ts';
import { MemoryTail } from '../tail/memory-tail.ts';
import { Hub } from './hub.ts';
import type { Session } from './session.ts';
import { type Listener, until } from './test/listener.ts';
import { connect, type DeliveryNode, lossy, openNode } from './test/node.ts';

type Node = Pick<DeliveryNode, 'store' | 'hub'>;

/** Somebody's client: it folds what its connection brings, and resumes at its cursors on whatever node. */
class Client {
  readonly #user: User;
  #state: State;
  #connection: { readonly session: Session; readonly listener: Listener } | null = null;
  #taken = 0;
  /** The last seq of each stream on this connection. */
  readonly #sent = new Map<string, number>();
  /** Where a channel may also go on: after an arrival in it that this connection has told of. */
  readonly #arrivals = new Map<string, number[]>();
  /** The channels whose last entry was one's own removal, and the removals that others followed nevertheless. */
  readonly #removals = new Map<string, number>();
  readonly #returns: { readonly stream: string; readonly after: number }[] = [];
  /** Entries of streams that are not followed yet. */
  readonly #held = new Map<string, Entry[]>();

  constructor(user: User, state: State) {
    this.#user = user;
    this.#state = state;
  }

  async connect(node: Node): Promise<void> {
    this.take();
    this.#connection?.session.end();
    this.#connection?.listener.close();
    for (const memory of [this.#sent, this.#arrivals, this.#removals, this.#held]) memory.clear();
    const cursors = Object.fromEntries(this.#state.cursors);
    const connection = await connect(node, this.#user, { epoch: this.#state.epoch, cursors });
    expect(connection.greeting.reset).toBe(false);
    this.#connection = connection;
    this.#taken = 0;
    for (const [stream, seq] of Object.entries({ ...connection.greeting.heads, ...cursors }))
      this.#sent.set(stream, seq);
  }

  /** Folds what has arrived, checking that no stream has a gap or a repetition. */
  take(): void {
    const { frames, gaps, failures } = this.#connection?.listener ?? { frames: [], gaps: [], failures: [] };
    expect([gaps, failures]).toEqual([[], []]);
    for (const frame of frames.slice(this.#taken)) {
      if (frame.type !== 'entry') throw new Error(`Nobody is far behind here: ${JSON.stringify(frame)}`);
      const { type: _, ...entry } = frame;
      const sent = this.#sent.get(entry.stream);
      expect([sent, ...(this.#arrivals.get(entry.stream) ?? [])]).toContain(entry.seq - 1);
      const removal = this.#removals.get(entry.stream) ?? Number.POSITIVE_INFINITY;
      if (entry.seq > removal) this.#returns.push({ stream: entry.stream, after: removal });
      this.#sent.set(entry.stream, entry.seq);
      this.#removals.delete(entry.stream);
      if (this.#isRemoval(entry)) this.#removals.set(entry.stream, entry.seq);
      this.#receive(entry);
    }
    this.#taken = frames.length;
  }

  async isFresh({ store }: Node): Promise<boolean> {
    this.take();
    return isDeepStrictEqual(this.snapshot(), await freshSnapshot(store, this.#user));
  }

  snapshot() {
    return snapshotFromState(this.#state);
  }

  #receive(entry: Entry): void {
    const cursor = this.#state.cursors.get(entry.stream);
    if (cursor === undefined) {
      this.#held.set(entry.stream, [...(this.#held.get(entry.stream) ?? []), entry]);
    } else if (entry.seq > cursor) {
      expect([entry.stream, entry.seq]).toEqual([entry.stream, cursor + 1]);
      this.#state = reduce(this.#state, entry);
      const { event } = entry;
      if (event.type === 'membership.added') this.#arriveIn(event.channel.id, event.channel.head);
    }
  }

  /** Whoever is sent something after their removal must have been made a member again (rule A1). */
  async proveReturns({ store }: Node): Promise<void> {
    for (const { stream, after } of this.#returns) {
      const { entries } = await store.readEntries({ stream, after, limit: 500 });
      const userId = this.#user.id;
      expect(entries.map(({ event }) => event)).toContainEqual(
        expect.objectContaining({ type: 'member.joined', userId }),
      );
    }
  }

  #isRemoval({ event }: Entry): boolean {
    const isDeparture = event.type === 'member.removed' || event.type === 'member.left';
    return isDeparture && event.userId === this.#user.id;
  }

  /** A channel's entries go on after one's arrival in it; some may have come before the news of it. */
  #arriveIn(channelId: string, head: number): void {
    const held = this.#held.get(channelId) ?? [];
    this.#held.delete(channelId);
    this.#arrivals.set(channelId, [...(this.#arrivals.get(channelId) ?? []), head]);
    for (const entry of held) this.#receive(entry);
  }
}

async function freshSnapshot(store: DeliveryNode['store'], user: User) {
  return snapshotFromState(stateFromSnapshot(await store.bootstrap({ userId: user.id })));
}

const aStep = fc.oneof(
  { weight: 8, arbitrary: aHappening },
  { weight: 2, arbitrary: fc.record({ reconnect: fc.nat(5), to: fc.nat(1) }) },
);

test('[D1] [D3] [D4] [A1] [R2] any interleaving of actions, lost hints, disconnects and resumes ends in the truth', async () => {
  const steps = fc.array(aStep, { minLength: 10, maxLength: 80, size: 'max' });
  await fc.assert(
    fc.asyncProperty(steps, fc.array(fc.boolean()), fc.infiniteStream(fc.nat(9)), async (plan, pauses, chances) => {
      const near = await openNode();
      const isLost = () => (chances.next().value ?? 0) < 3;
      // What is remembered for the node that loses hints has gaps of its own.
      const tail = new MemoryTail();
      near.store.onCommitted((entries) => tail.append(entries.filter(() => !isLost())));
      const hub = new Hub(near.store, lossy(near.bus.connect(), isLost), {}, { tail });
      const far: Node = { store: near.store, hub };
      const nodes = [near, far];
      const world = new World(near.cast, await near.cast.people(3));
      const clients = await Promise.all(
        [...world.people, ...world.people].map(async (user) => {
          return new Client(user, stateFromSnapshot(await near.store.bootstrap({ userId: user.id })));
        }),
      );
      await Promise.all(clients.map((client, index) => client.connect(nodes[index % 2] as Node)));
      let underWay: Promise<unknown>[] = [];
      for (const [index, step] of plan.entries()) {
        if ('reconnect' in step) {
          await Promise.all(underWay);
          underWay = [clients[step.reconnect]?.connect(nodes[step.to] as Node) as Promise<void>];
        } else {
          underWay.push(world.try(step));
        }
        if (pauses[index % pauses.length]) await Promise.all(underWay);
      }
      await Promise.all(underWay);
      await far.hub.compareHeads();
      for (const [index, client] of clients.entries()) {
        const user = world.people[index % 3] as User;
        await until(
          () => client.isFresh(near),
          () => `${user.username}'s truth, having ${JSON.stringify(client.snapshot())}`,
        );
        await client.proveReturns(near);
      }
      await near.close();
    }),
    { numRuns: 15, endOnFailure: true },
  );
}, 60_000);
