import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, newId, type User } from '@parley/protocol';
import type { Bus } from '../../bus/bus.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { openSqliteStore } from '../../storage/sqlite/sqlite-store.ts';
import type { Store } from '../../storage/store.ts';
import { Cast } from '../../storage/test/cast.ts';
import { Hub } from '../hub.ts';
import { relayCommits } from '../relay.ts';
import { Session, type Standpoint } from '../session.ts';
import { Listener } from './listener.ts';

/** A database and the delivery of one node upon it, without doors. */
export interface DeliveryNode {
  readonly store: Store;
  readonly cast: Cast;
  readonly hub: Hub;
  readonly bus: MemoryBus;
  close(): Promise<void>;
}

/** Nothing here is to survive a power cut, so commits need not be synced. */
export async function openNode(): Promise<DeliveryNode> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-delivery-'));
  const store = await openSqliteStore({ path: join(folder, 'parley.db'), synchronous: 'off' });
  const bus = new MemoryBus();
  const own = bus.connect();
  const hub = new Hub(store, own);
  relayCommits(store, hub, own);
  return {
    ...{ store, hub, bus, cast: new Cast(store) },
    async close() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Opens a session of somebody at a node and starts it. */
export async function connect(
  { store, hub }: Pick<DeliveryNode, 'store' | 'hub'>,
  user: User,
  standpoint: Standpoint = {},
) {
  const listener = new Listener();
  const session = new Session(actorOf(user), listener, hub, store);
  const greeting = await session.open(standpoint);
  const started = session.start();
  return { listener, session, greeting, started };
}

export function actorOf({ id: userId, username }: User, sessionId = newId()) {
  return { userId, username, sessionId };
}

/** A bus that loses the hints that `loses` says, as a wire may. */
export function lossy(bus: Bus, loses: (entry: Entry) => boolean): Bus {
  return {
    publish: (entries) => bus.publish(entries),
    follow: (stream) => bus.follow(stream),
    unfollow: (stream) => bus.unfollow(stream),
    onEntries: (listener) =>
      bus.onEntries((entries) => {
        const arrived = entries.filter((entry) => !loses(entry));
        if (arrived.length > 0) listener(arrived);
      }),
    onFollowing: (listener) => bus.onFollowing(listener),
    isUp: () => false,
    close: () => bus.close(),
  };
}

/** Says yes so many times in ten, always in the same order. */
export function timesInTen(times: number): () => boolean {
  let chance = 7;
  return () => {
    chance = (chance * 16_807) % 2_147_483_647;
    return chance % 10 < times;
  };
}
