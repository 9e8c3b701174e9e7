import { type Entry, fail, newId } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_BACKOFF } from './backoff.ts';
import type { LogEntry } from './frames.ts';
import { snapshotFromState, stateFromSnapshot } from './reduce.ts';
import { createStore } from './store.ts';
import { createStreams, type StreamsDeps } from './streams.ts';
import { manualTiming, settled } from './test/manual-timing.ts';
import { type Happening, smallWorld } from './test/small-world.ts';

const STREAM = newId();
const entry = (seq: number, stream = STREAM): LogEntry => ({ stream, seq, event: { type: 'unknown' } });

/** A log of one stream up to `head`, a client that has applied up to `cursor`, and what it does. */
function aClient(cursor: number, head: number, overrides: Partial<StreamsDeps> = {}) {
  const cursors = new Map([[STREAM, cursor]]);
  const applied: number[] = [];
  const pulls: number[] = [];
  let resyncs = 0;
  const timing = manualTiming();
  const streams = createStreams({
    cursorOf: (stream) => cursors.get(stream),
    apply({ stream, seq }) {
      cursors.set(stream, seq);
      applied.push(seq);
    },
    async pull(_stream, after) {
      pulls.push(after);
      const count = Math.max(0, Math.min(500, head - after));
      return { entries: Array.from({ length: count }, (_, place) => entry(after + 1 + place)) };
    },
    room: () => Promise.resolve(),
    isRead: () => false,
    resync() {
      resyncs += 1;
      streams.suspended();
    },
    timing,
    backoff: DEFAULT_BACKOFF,
    ...overrides,
  });
  return { streams, cursors, applied, pulls, timing, resyncs: () => resyncs };
}

const upTo = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, place) => first + place);

describe('the gate before the state', () => {
  test('[D2] lets pass the next entry alone: older ones and repeated ones are dropped', () => {
    const { streams, applied } = aClient(4, 6);
    for (const seq of [5, 5, 3, 6, 4, 6]) streams.receive(entry(seq));
    expect(applied).toEqual([5, 6]);
  });

  test('[D2] fetches what is missing, once, and then goes on with what it held', async () => {
    const { streams, applied, pulls } = aClient(4, 9);
    for (const seq of [8, 9, 8]) streams.receive(entry(seq));
    await settled();
    expect(applied).toEqual([5, 6, 7, 8, 9]);
    expect(pulls).toEqual([4]);
  });

  test('[D3] a beat that is ahead of the cursor makes it fetch; one that is not does nothing', async () => {
    const { streams, applied, pulls } = aClient(4, 6);
    streams.beat({ [STREAM]: 4 });
    await settled();
    expect(pulls).toEqual([]);
    streams.beat({ [STREAM]: 6 });
    await settled();
    expect(applied).toEqual([5, 6]);
  });

  test('a reader told that it is far behind pulls page by page, holding what arrives live', async () => {
    const { streams, applied, pulls } = aClient(0, 1_203);
    streams.behind(STREAM, 1_200);
    for (const seq of [1_201, 1_202, 1_203]) streams.receive(entry(seq));
    await settled();
    expect(applied).toEqual(upTo(1, 1_203));
    expect(pulls).toEqual([0, 500, 1_000]);
  });

  test('more than 5,000 missing entries are not fetched unless somebody reads them all', async () => {
    const unread = aClient(0, 5_001);
    unread.streams.behind(STREAM, 5_001);
    await settled();
    expect([unread.resyncs(), unread.applied.length]).toEqual([1, 0]);
    const read = aClient(0, 5_001, { isRead: () => true });
    read.streams.behind(STREAM, 5_001);
    await settled();
    expect([read.resyncs(), read.applied.length]).toEqual([0, 5_001]);
  });

  test('holds a bounded number of entries and fetches the others again', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { streams, applied } = aClient(0, 12_002, { room: () => gate, isRead: () => true });
    for (let seq = 2; seq <= 12_002; seq += 1) streams.receive(entry(seq));
    open();
    await settled();
    expect(applied).toEqual(upTo(1, 12_002));
  });

  test('a page that cannot be had just now is asked for again later', async () => {
    let failures = 2;
    const { streams, applied, timing } = aClient(0, 1, {
      async pull() {
        if (failures > 0) {
          failures -= 1;
          throw fail('unavailable');
        }
        return { entries: [entry(1)] };
      },
    });
    streams.beat({ [STREAM]: 1 });
    await settled();
    expect(applied).toEqual([]);
    await timing.pass(60_000);
    expect(applied).toEqual([1]);
  });

  test('a stream that may no longer be read is let go of', async () => {
    let asked = 0;
    const { streams, timing } = aClient(0, 9, {
      async pull() {
        asked += 1;
        throw fail('not_a_member');
      },
    });
    streams.receive(entry(9));
    await timing.pass(60_000);
    expect(asked).toBe(1);
  });

  test('what was under way ends with the connection', async () => {
    let asked = 0;
    const { streams, timing } = aClient(0, 9, {
      async pull() {
        asked += 1;
        throw fail('unavailable');
      },
    });
    streams.receive(entry(9));
    await settled();
    streams.suspended();
    await timing.pass(60_000);
    expect(asked).toBe(1);
  });

  test('what the server promised to send is fetched only when it does not come', async () => {
    const { streams, applied, pulls } = aClient(4, 6);
    streams.resumed({ [STREAM]: 6 }, { [STREAM]: 4 });
    streams.beat({ [STREAM]: 6 });
    streams.check();
    await settled();
    expect(pulls).toEqual([]);
    streams.check();
    await settled();
    expect([pulls, applied]).toEqual([[4], [5, 6]]);
  });

  test('a stream that was not in the hello is caught up by pulling', async () => {
    const { streams, applied } = aClient(4, 6);
    streams.resumed({ [STREAM]: 6 }, {});
    await settled();
    expect(applied).toEqual([5, 6]);
  });
});

const KINDS = ['create', 'join', 'leave', 'kick', 'post', 'reply', 'read', 'rename', 'register'] as const;

describe('whatever the way does to the entries', () => {
  test('[D2] [D3] lost, repeated and swapped ones: the state converges, each entry applied once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ kind: fc.constantFrom(...KINDS), pick: fc.nat(1_000) }), { maxLength: 50, size: 'max' }),
        fc.infiniteStream(fc.nat(99)),
        async (happenings: readonly Happening[], chances) => {
          const world = smallWorld();
          const start = world.snapshot();
          for (const happening of happenings) world.happen(happening);
          const chance = () => chances.next().value as number;

          const store = createStore();
          store.replace(stateFromSnapshot(start));
          const applied = new Map<string, number[]>();
          const streams = createStreams({
            cursorOf: store.cursorOf,
            apply(one) {
              applied.set(one.stream, [...(applied.get(one.stream) ?? []), one.seq]);
              store.apply(one);
            },
            pull: async (stream, after) => ({ entries: world.page(stream, after, 3) }),
            room: () => Promise.resolve(),
            isRead: () => true,
            resync: () => expect.unreachable('no gap is that wide'),
            timing: manualTiming(),
            backoff: DEFAULT_BACKOFF,
          });

          const arriving: Entry[] = [];
          for (const one of [...world.sent().values()].flat()) {
            const luck = chance();
            if (luck < 20) continue;
            if (luck < 40) arriving.push(one);
            arriving.splice(chance() % (arriving.length + 1), 0, one);
          }
          for (const one of arriving) {
            streams.receive(one);
            if (chance() < 30) await Promise.resolve();
          }
          // One's own stream first tells which channels there are; the next beat finds those that lag behind.
          for (let beats = 0; beats < 3; beats += 1) {
            streams.beat(world.snapshot().cursors);
            await settled();
          }

          const state = store.getState();
          expect(state && snapshotFromState(state)).toEqual(world.snapshot());
          for (const [stream, seqs] of applied) {
            expect(new Set(seqs).size, stream).toBe(seqs.length);
            expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
