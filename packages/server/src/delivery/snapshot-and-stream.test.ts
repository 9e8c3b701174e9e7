import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reduce, type State, snapshotFromState, stateFromSnapshot } from '@parley/client';
import type { Entry, Snapshot, User } from '@parley/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../storage/sqlite/sqlite-store.ts';
import type { Store } from '../storage/store.ts';
import { Cast } from '../storage/test/cast.ts';
import { aHappening, type Happening, World } from '../storage/test/happenings.ts';

/** Somebody's client: the state it holds, and the entries that have not reached it yet, by stream. */
class Follower {
  readonly userId: string;
  readonly #store: Store;
  #state: State;
  readonly #coming = new Map<string, Entry[]>();

  private constructor(store: Store, userId: string, snapshot: Snapshot) {
    this.userId = userId;
    this.#store = store;
    this.#state = stateFromSnapshot(snapshot);
  }

  static async of(store: Store, { id: userId }: User): Promise<Follower> {
    return new Follower(store, userId, await store.bootstrap({ userId }));
  }

  commit(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const coming = this.#coming.get(entry.stream);
      if (coming) coming.push(entry);
      else this.#coming.set(entry.stream, [entry]);
    }
  }

  /** Takes what has come, stream by stream in an order that `turns` decides, each stream's own order kept. */
  fold(turns: readonly number[]): void {
    for (let turn = 0; ; turn += 1) {
      const ready = [...this.#coming.keys()].filter((stream) => this.#next(stream));
      const stream = ready[(turns[turn % turns.length] ?? 0) % ready.length];
      if (stream === undefined) break;
      const entry = this.#coming.get(stream)?.shift();
      if (entry) this.#state = reduce(this.#state, entry);
    }
    // What is left belongs to streams that this person does not follow.
    for (const [stream, entries] of this.#coming) {
      if (entries.length > 0) expect([stream, this.#state.cursors.get(stream)]).toEqual([stream, undefined]);
    }
  }

  /** The stream's next entry, where the state follows the stream; those it is past already are dropped. */
  #next(stream: string): Entry | undefined {
    const cursor = this.#state.cursors.get(stream);
    const coming = this.#coming.get(stream) ?? [];
    if (cursor === undefined) return undefined;
    while (coming[0] && coming[0].seq <= cursor) coming.shift();
    if (coming[0]) expect(coming[0].seq).toBe(cursor + 1);
    return coming[0];
  }

  async expectFresh(): Promise<void> {
    const fresh = await this.#store.bootstrap({ userId: this.userId });
    expect(snapshotFromState(this.#state)).toEqual(snapshotFromState(stateFromSnapshot(fresh)));
  }
}

async function inWorld(run: (world: World, followers: () => Promise<Follower[]>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-fold-'));
  // What is proved here is arithmetic: it need not survive a power cut.
  const store = await openSqliteStore({ path: join(folder, 'parley.db'), synchronous: 'off' });
  const followers = new Map<string, Follower>();
  store.onCommitted((entries) => {
    for (const follower of followers.values()) follower.commit(entries);
  });
  const cast = new Cast(store);
  const world = new World(cast, await cast.people(3));
  try {
    await run(world, async () => {
      for (const person of world.people) {
        if (!followers.has(person.id)) followers.set(person.id, await Follower.of(store, person));
      }
      return [...followers.values()];
    });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

const happenings = (most: number) => fc.array(aHappening, { minLength: most / 2, maxLength: most, size: 'max' });

test('[R2] after every action, every person’s state folded with the entries since is a fresh snapshot', async () => {
  await fc.assert(
    fc.asyncProperty(happenings(60), async (actions: Happening[]) => {
      await inWorld(async (world, followers) => {
        await followers();
        for (const action of actions) {
          await world.try(action);
          for (const follower of await followers()) {
            follower.fold([0]);
            await follower.expectFresh();
          }
        }
      });
    }),
    { numRuns: 8 },
  );
}, 60_000);

test('[R2] after many actions, in whatever order the streams arrive, every state is the same fresh snapshot', async () => {
  const turns = fc.array(fc.nat(11), { minLength: 1, maxLength: 30, size: 'max' });
  await fc.assert(
    fc.asyncProperty(happenings(20), happenings(60), turns, async (before, after, order) => {
      await inWorld(async (world, followers) => {
        for (const action of before) await world.try(action);
        const all = await followers();
        for (const action of after) await world.try(action);
        for (const follower of all) {
          follower.fold(order);
          await follower.expectFresh();
        }
      });
    }),
    { numRuns: 15 },
  );
}, 60_000);
