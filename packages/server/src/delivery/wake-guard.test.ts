import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { Hub } from './hub.ts';
import { connect, type DeliveryNode, openNode } from './test/node.ts';
import { STOOD_STILL_MS, WakeGuard } from './wake-guard.ts';

let clock: FakeClock;
let guard: WakeGuard;
let lookedUp: PromiseWithResolvers<void>[];
let releases: number;
let stop: () => void;

beforeEach(() => {
  clock = new FakeClock();
  guard = new WakeGuard(clock);
  lookedUp = [];
  releases = 0;
  stop = guard.watch({
    revalidate() {
      const asked = Promise.withResolvers<void>();
      lookedUp.push(asked);
      return asked.promise;
    },
    release() {
      releases += 1;
    },
  });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

const isReleased = () => vi.waitFor(() => expect(guard.isHolding()).toBe(false), { interval: 5 });

describe('[A2] a node that stood still', () => {
  test('holds deliveries until sessions have been looked up, and whoever waits goes on then', async () => {
    clock.advance(STOOD_STILL_MS);
    expect(guard.isHolding()).toBe(false);
    clock.advance(1);
    expect(guard.isHolding()).toBe(true);
    expect([lookedUp.length, releases]).toEqual([1, 0]);
    let hasGoneOn = false;
    const waiting = guard.released().then(() => {
      hasGoneOn = true;
    });
    await Promise.resolve();
    expect([hasGoneOn, guard.isHolding()]).toEqual([false, true]);
    lookedUp[0]?.resolve();
    await waiting;
    expect([guard.isHolding(), lookedUp.length, releases]).toEqual([false, 1, 1]);
    await guard.released();
  });

  test('asks again where the database did not answer', async () => {
    clock.advance(5_000);
    expect(guard.isHolding()).toBe(true);
    lookedUp[0]?.reject(new Error('away'));
    await vi.waitFor(() => expect(lookedUp).toHaveLength(2));
    expect([guard.isHolding(), releases]).toEqual([true, 0]);
    lookedUp[1]?.resolve();
    await isReleased();
    expect(releases).toBe(1);
  });

  test('asks again where it stood still once more meanwhile', async () => {
    clock.advance(5_000);
    expect(guard.isHolding()).toBe(true);
    clock.advance(5_000);
    expect(guard.isHolding()).toBe(true);
    lookedUp[0]?.resolve();
    await vi.waitFor(() => expect(lookedUp).toHaveLength(2));
    expect(releases).toBe(0);
    lookedUp[1]?.resolve();
    await isReleased();
    expect([lookedUp.length, releases]).toEqual([2, 1]);
  });

  test('notices it by its timer where nothing is to be delivered, and is not alarmed by a busy moment', async () => {
    stop();
    vi.useFakeTimers();
    stop = guard.watch({ revalidate: async () => void lookedUp.push(Promise.withResolvers()), release() {} });
    for (let turn = 0; turn < 100; turn += 1) {
      clock.advance(250);
      await vi.advanceTimersByTimeAsync(250);
    }
    expect(lookedUp).toEqual([]);
    clock.advance(3_000);
    await vi.advanceTimersByTimeAsync(250);
    expect(lookedUp).toHaveLength(1);
  });

  test('notices a machine that slept by the wall clock, and takes a clock that was set back for nothing', () => {
    const wall = { now: 1_000_000, monotonic: 0 };
    const sleeper = new WakeGuard({ now: () => wall.now, monotonic: () => wall.monotonic });
    const unwatch = sleeper.watch({ revalidate: () => new Promise(() => {}), release() {} });
    wall.now -= 3_600_000;
    expect(sleeper.isHolding()).toBe(false);
    wall.now += 3_600_000 + STOOD_STILL_MS + 1;
    expect(sleeper.isHolding()).toBe(true);
    unwatch();
    expect(sleeper.isHolding()).toBe(false);
  });
});

describe('a hub that is told to hold', () => {
  let node: DeliveryNode;
  beforeEach(async () => {
    node = await openNode();
  });
  afterEach(() => node.close());

  test('[A2] [D1] delivers nothing, of hints, commits and repairs alike, and all of it once it is released', async () => {
    const { store, cast, bus } = node;
    let isHeld = false;
    const own = bus.connect();
    const hub = new Hub(store, own, {}, { isHolding: () => isHeld });
    const [ana, bob] = await cast.people(2);
    const channel = await cast.channel(ana, { members: [bob] });
    const { listener, started } = await connect({ store, hub }, bob);
    await started;
    const { head } = await store.readEntries({ stream: channel.id, after: 0, limit: 1 });
    isHeld = true;
    for (let count = 0; count < 1_200; count += 1) void cast.post(ana, channel);
    const last = await cast.post(ana, channel);
    await hub.compareHeads();
    await hub.compareHeads();
    expect(listener.seqs(channel.id)).toEqual([]);
    isHeld = false;
    hub.release();
    await listener.reach({ [channel.id]: last.seq });
    expect(listener.seqs(channel.id)).toEqual(Array.from({ length: last.seq - head }, (_, index) => head + 1 + index));
    expect(listener.gaps).toEqual([]);
  });
});
