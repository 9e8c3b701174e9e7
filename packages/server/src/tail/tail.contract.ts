import { type Entry, newId } from '@parley/protocol';
import { describe, expect, test, vi } from 'vitest';
import { type RecentTail, TAIL_LENGTH } from './recent-tail.ts';

/** A node: what it appends is remembered for all nodes of one opening. */
export interface TailNode {
  readonly tail: RecentTail;
  append(entries: readonly Entry[]): void;
}

/** What every tail must do; `open` gives two nodes that remember nothing yet. */
export function tailContract(name: string, open: () => Promise<readonly [TailNode, TailNode]>): void {
  describe(`${name} keeps the tail's contract:`, () => {
    const A = newId();
    const seqs = (entries: readonly Entry[] | null) => entries?.map(({ seq }) => seq) ?? null;
    const reads = (node: TailNode, after: number, to: number, expected: readonly Entry[] | null) =>
      vi.waitFor(async () => expect(await node.tail.read({ stream: A, after, to })).toEqual(expected), 3_000);
    const some = (first: number, last: number) =>
      Array.from({ length: last - first + 1 }, (_, index) => message(A, first + index));

    test('what one node appends every node reads: the range asked for, whole and in order', async () => {
      const [near, far] = await open();
      const entries = some(1, 7);
      near.append(entries.slice(0, 3));
      near.append(entries.slice(3));
      for (const node of [near, far]) {
        await reads(node, 0, 7, entries);
        await reads(node, 3, 7, entries.slice(3));
        await reads(node, 2, 5, entries.slice(2, 5));
        await reads(node, 6, 7, entries.slice(6));
      }
    });

    test('[D3] what nodes append in any order, also twice, stands in the order of the log', async () => {
      const [near, far] = await open();
      const entries = some(1, 8);
      const [one, two, three, four, five, six, seven, eight] = entries as [Entry, Entry, Entry, Entry, ...Entry[]];
      far.append([four, five, six].filter((entry) => entry !== undefined));
      near.append([two]);
      far.append([eight as Entry]);
      near.append([one, two, three]);
      near.append([seven as Entry, eight as Entry]);
      far.append([two]);
      for (const node of [near, far]) await reads(node, 0, 8, entries);
    });

    test('[D3] a range of which one entry is not remembered is not there at all', async () => {
      const [near, far] = await open();
      const entries = some(10, 20).filter(({ seq }) => seq !== 15);
      near.append(entries);
      await reads(near, 15, 20, entries.slice(5));
      for (const node of [near, far]) {
        await reads(node, 9, 14, entries.slice(0, 5));
        for (const [after, to] of [
          [8, 20],
          [9, 20],
          [9, 15],
          [14, 20],
          [15, 21],
          [20, 21],
          [0, 5],
        ] as const) {
          expect(await node.tail.read({ stream: A, after, to }), `${after} to ${to}`).toBeNull();
        }
      }
      expect(await near.tail.read({ stream: newId(), after: 15, to: 20 })).toBeNull();
    });

    test('an empty range, one the wrong way round and one that is too long are not there either', async () => {
      const [near] = await open();
      near.append(some(1, 50));
      await reads(near, 0, 50, some(1, 50));
      for (const [after, to] of [
        [5, 5],
        [5, 4],
        [0, 1_000_000_000],
        [0, Number.MAX_SAFE_INTEGER],
      ] as const) {
        expect(await near.tail.read({ stream: A, after, to })).toBeNull();
      }
    });

    test('the latest entries are remembered, and the older ones forgotten, also those that come late', async () => {
      const [near, far] = await open();
      const entries = some(1, 350);
      for (const entry of entries) near.append([entry]);
      await reads(near, 350 - TAIL_LENGTH, 350, entries.slice(-TAIL_LENGTH));
      expect(seqs(await far.tail.read({ stream: A, after: 150, to: 200 }))).toBeNull();
      far.append([message(A, 5)]);
      await new Promise((resolve) => setImmediate(resolve));
      far.append([message(A, 351)]);
      await reads(far, 350, 351, [message(A, 351)]);
      expect(await far.tail.read({ stream: A, after: 4, to: 5 })).toBeNull();
      expect(await far.tail.read({ stream: A, after: 350 - TAIL_LENGTH, to: 351 })).toBeNull();
    });

    test('of people’s own streams nothing is remembered', async () => {
      const [near] = await open();
      const event = { type: 'read.advanced' as const, channelId: newId(), seq: 1, ordinal: 1 };
      const own = newId();
      near.append([{ ...message(own, 1), event }, message(A, 2)]);
      await reads(near, 1, 2, [message(A, 2)]);
      expect(await near.tail.read({ stream: own, after: 0, to: 1 })).toBeNull();
    });
  });
}

export function message(stream: string, seq: number, body = `${seq} \u{1F60A} " \u0000`): Entry {
  const [at, authorId] = ['2026-01-01T00:00:00.000Z', '01a20134-422c-7000-ad28-c98728bb0b32'];
  const id = `01a20134-429f-7000-94a6-${String(seq).padStart(12, '0')}`;
  const said = { id, channelId: stream, seq, ordinal: seq, authorId, body, createdAt: at, rev: 1 };
  return { stream, seq, at, actor: authorId, event: { type: 'message.posted', message: said } };
}
