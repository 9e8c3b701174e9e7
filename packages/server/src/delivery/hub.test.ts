import type { Entry } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Hub } from './hub.ts';
import { entryAt, HandBus, HandLog, Reader, removal, rest, STREAM } from './test/by-hand.ts';

function aHub(log = new HandLog()) {
  const bus = new HandBus();
  const events = { repaired: vi.fn(), repairFailed: vi.fn() };
  return { log, bus, events, hub: new Hub(log, bus, events) };
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('the hub', () => {
  test('[D1] [D3] hints shuffled, doubled, split and lost: every subscriber gets exactly the log', async () => {
    const hints = fc.array(
      fc.record({ first: fc.integer({ min: 1, max: 30 }), length: fc.integer({ min: 1, max: 4 }) }),
      { maxLength: 40, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(
        hints,
        fc.nat(10),
        fc.nat(29),
        fc.array(fc.boolean()),
        async (order, settledAt, shown, pauses) => {
          const { log, bus, hub } = aHub();
          log.isSlow = shown % 2 === 0;
          const reader = new Reader();
          log.append(settledAt);
          hub.join(STREAM, reader);
          // Hints may come before it is known where the log stands.
          const early = order.slice(0, shown % 3);
          /** What a hint holds: it is in the log before anybody hears of it. */
          const committed = ({ first, length }: { first: number; length: number }) => {
            const last = Math.min(30, first + length - 1);
            log.append(Math.max(0, last - log.entries.length));
            return log.entries.slice(first - 1, last);
          };
          for (const hint of early) bus.hint(...committed(hint));
          hub.settle(STREAM, settledAt);
          for (const [index, hint] of order.entries()) {
            const run = committed(hint);
            if (index % 5 === 4) run.reverse();
            if (run.length > 0) bus.hint(...run, ...(index % 7 === 6 ? run : []));
            if (pauses[index % pauses.length]) await rest();
          }
          for (let turn = 0; turn < 6; turn += 1) await rest();
          // What was hinted at is all there, without any comparison of heads.
          const hinted = Math.max(settledAt, ...order.map(({ first, length }) => Math.min(30, first + length - 1)));
          expect(reader.received.at(-1) ?? settledAt).toBeGreaterThanOrEqual(hinted);
          log.append(30 - log.entries.length);
          await hub.compareHeads();
          for (let turn = 0; turn < 6; turn += 1) await rest();
          expect(reader.received).toEqual(upTo(30, settledAt + 1));
          expect(hub.deliveredSeq(STREAM)).toBe(30);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('[D1] a run of hints with one missing and one doubled is not taken for a whole one', async () => {
    const { log, bus, hub } = aHub();
    const reader = new Reader();
    hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    const [one, , three] = log.append(3) as [Entry, Entry, Entry];
    bus.hint(one, one, three);
    await rest();
    expect(reader.received).toEqual([1, 2, 3]);
  });

  test('[D3] a gap is filled by one reading at a time, however many hints show it', async () => {
    const { log, bus, hub, events } = aHub();
    const reader = new Reader();
    hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    const entries = log.append(10);
    const opened = Promise.withResolvers<void>();
    log.gate = opened.promise;
    for (const entry of entries.slice(4)) bus.hint(entry);
    await rest();
    expect([log.reads, events.repaired.mock.calls.length]).toEqual([1, 1]);
    opened.resolve();
    await rest();
    expect(reader.received).toEqual(upTo(10));
    expect(log.reads).toBe(1);
  });

  test('[D3] a hint that shows another gap while the log is being read is not forgotten', async () => {
    const { log, bus, hub } = aHub();
    const reader = new Reader();
    hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    const opened = Promise.withResolvers<void>();
    log.gate = opened.promise;
    bus.hint(log.append(3)[2] as Entry);
    // The reading under way has seen the log up to 3; now 4 and 5 are lost and 6 arrives.
    bus.hint(log.append(3)[2] as Entry);
    opened.resolve();
    await rest();
    await rest();
    expect(reader.received).toEqual(upTo(6));
  });

  test('[D3] more hints than can be held are read back from the log', async () => {
    const { log, bus, hub } = aHub();
    const reader = new Reader();
    hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    const opened = Promise.withResolvers<void>();
    log.gate = opened.promise;
    bus.hint(log.append(2)[1] as Entry);
    for (const entry of log.append(3_000)) bus.hint(entry);
    opened.resolve();
    for (let turn = 0; turn < 10; turn += 1) await rest();
    expect(reader.received).toEqual(upTo(3_002));
  });

  test('[D3] a log that cannot be read is read again at the next comparison of heads', async () => {
    const { log, bus, hub, events } = aHub();
    const reader = new Reader();
    hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    log.failing = true;
    bus.hint(log.append(3)[2] as Entry);
    await rest();
    expect([reader.received, events.repairFailed.mock.calls.length]).toEqual([[], 1]);
    await hub.compareHeads();
    await rest();
    expect(events.repairFailed.mock.calls.length).toBe(2);
    log.failing = false;
    await hub.compareHeads();
    await rest();
    expect(reader.received).toEqual([1, 2, 3]);
  });

  test('[D3] a reader who finds the log ahead of what was delivered here has the rest read for all', async () => {
    const { log, hub } = aHub();
    const [first, second] = [new Reader(), new Reader()];
    hub.join(STREAM, first);
    hub.settle(STREAM, 0);
    log.append(3);
    hub.join(STREAM, second);
    hub.settle(STREAM, 3);
    await rest();
    expect(first.received).toEqual([1, 2, 3]);
    expect(hub.deliveredSeq(STREAM)).toBe(3);
  });

  test('[D3] what was committed before the bus heard of a stream is read, whether delivery has started by then or not', async () => {
    for (const isLate of [false, true]) {
      const { log, bus, hub } = aHub();
      const reader = new Reader();
      hub.join(STREAM, reader);
      const { length: head } = log.append(2);
      if (!isLate) hub.settle(STREAM, head);
      log.append(2);
      bus.following(STREAM, 'another');
      await rest();
      if (isLate) hub.settle(STREAM, head);
      await rest();
      expect(reader.received).toEqual([3, 4]);
    }
  });

  test('a hint of an entry that the log does not hold is never delivered, and holds nothing up', async () => {
    const { log, bus, hub } = aHub();
    const reader = new Reader();
    hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    bus.hint(entryAt(3, removal('reader')()));
    await rest();
    await rest();
    for (const entry of log.append(4)) bus.hint(entry);
    await rest();
    expect([reader.received, reader.revokedAt]).toEqual([upTo(4), []]);
    const { reads } = log;
    bus.hint(...log.append(1));
    expect([reader.received.at(-1), log.reads]).toEqual([5, reads]);
  });

  test('[A1] a run is split at a removal: the removed receive it and nothing after it, the others all', () => {
    const { log, bus, hub } = aHub();
    const [stays, goes] = [new Reader('stays', hub), new Reader('goes', hub)];
    for (const reader of [stays, goes]) hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    bus.hint(
      ...log.append(2),
      ...log.append(1, removal('goes')),
      ...log.append(2),
      ...log.append(1, removal('nobody')),
    );
    expect(goes.received).toEqual([1, 2, 3]);
    expect(goes.revokedAt).toEqual([3]);
    expect(stays.received).toEqual(upTo(6));
    expect(stays.revokedAt).toEqual([]);
  });

  test('[A1] it is split so too where the entries were held, or read back from the log', async () => {
    for (const lost of [false, true]) {
      const { log, bus, hub } = aHub();
      const [stays, goes] = [new Reader('stays', hub), new Reader('goes', hub)];
      for (const reader of [stays, goes]) hub.join(STREAM, reader);
      hub.settle(STREAM, 0);
      const entries = [...log.append(1), ...log.append(1, removal('goes')), ...log.append(2)];
      if (lost) await hub.compareHeads();
      else for (const entry of entries.reverse()) bus.hint(entry);
      await rest();
      expect(goes.received).toEqual([1, 2]);
      expect(stays.received).toEqual(upTo(4));
    }
  });

  test('every connection of a removed person is told, and the last one to leave lets the stream go', () => {
    const { log, bus, hub } = aHub();
    const both = [new Reader('goes', hub), new Reader('goes', hub)];
    for (const reader of both) hub.join(STREAM, reader);
    hub.settle(STREAM, 0);
    expect(hub.receivers(STREAM)).toBe(2);
    bus.hint(...log.append(1, removal('goes')), ...log.append(1));
    expect(both.map((reader) => reader.received)).toEqual([[1], [1]]);
    expect([hub.receivers(STREAM), bus.followed.size]).toEqual([0, 0]);
  });

  test('whoever joins anew after everybody has left starts where the log stands then', async () => {
    const { log, bus, hub } = aHub();
    const first = new Reader();
    hub.join(STREAM, first);
    hub.settle(STREAM, 0);
    bus.hint(...log.append(2));
    // A reading is under way while the stream is let go and taken up again.
    bus.hint(log.append(2)[1] as Entry);
    hub.leave(STREAM, first);
    const second = new Reader();
    hub.join(STREAM, second);
    hub.settle(STREAM, 4);
    await rest();
    bus.hint(...log.append(1));
    expect([first.received, second.received]).toEqual([[1, 2], [5]]);
    hub.leave(STREAM, first);
    expect(hub.receivers(STREAM)).toBe(1);
  });

  test('entries of several streams in one hint each go their own way', () => {
    const { bus, hub } = aHub();
    const [here, there] = [new Reader(), new Reader()];
    for (const [stream, reader] of [
      ['here', here],
      ['there', there],
    ] as const) {
      hub.join(stream, reader);
      hub.settle(stream, 0);
    }
    const of = (stream: string, seq: number) => ({ ...entryAt(seq), stream });
    bus.hint(of('here', 1), of('there', 1), of('nowhere', 1), of('here', 2), of('there', 2));
    expect([here.received, there.received]).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });
});
