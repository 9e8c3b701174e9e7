import { type Entry, newId } from '@parley/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Bus } from './bus.ts';

const [A, B, C, END] = [newId(), newId(), newId(), newId()];

/** What every bus must do; `open` connects so many nodes to one bus that carries nothing else. */
export function busContract(name: string, open: (nodes: number) => Promise<Bus[]>): void {
  describe(`${name} keeps the bus's contract:`, () => {
    let opened: Bus[] = [];
    afterEach(async () => {
      await Promise.all(opened.map((bus) => bus.close()));
    });

    async function nodes(count: number) {
      opened = await open(count);
      return opened.map((bus) => {
        const heard: Entry[] = [];
        bus.onEntries((entries) => heard.push(...entries));
        return { bus, heard };
      }) as [Heard, Heard, Heard];
    }

    test('what one node publishes reaches all others that follow the stream, whole and in order', async () => {
      const [first, second, third] = await nodes(3);
      for (const { bus } of [second, third]) bus.follow(A);
      const entries = [2, 3, 4].map((seq) => entry(A, seq));
      await vi.waitFor(() => {
        first.bus.publish([entry(A, 1)]);
        for (const { heard } of [second, third]) expect(heard.length).toBeGreaterThan(0);
      });
      first.bus.publish(entries.slice(0, 2));
      first.bus.publish(entries.slice(2));
      for (const { heard } of [second, third]) {
        await vi.waitFor(() => expect(heard.filter(({ seq }) => seq > 1)).toEqual(entries));
      }
    });

    test('a node does not hear itself, nor streams that it does not follow or follows no more', async () => {
      const [first, second] = await nodes(2);
      for (const stream of [A, B, END]) {
        first.bus.follow(stream);
        second.bus.follow(stream);
      }
      second.bus.unfollow(B);
      first.bus.publish([entry(A, 1), entry(B, 1), entry(C, 1)]);
      await vi.waitFor(() => {
        first.bus.publish([entry(END, 1)]);
        expect(second.heard.some(({ stream }) => stream === END)).toBe(true);
      });
      expect(second.heard.filter(({ stream }) => stream !== END)).toEqual([entry(A, 1)]);
      expect(first.heard).toEqual([]);
    });

    test('a stream may be followed anew', async () => {
      const [first, second] = await nodes(2);
      second.bus.follow(A);
      second.bus.unfollow(A);
      second.bus.follow(A);
      await vi.waitFor(() => {
        first.bus.publish([entry(A, 1)]);
        expect(second.heard[0]).toEqual(entry(A, 1));
      });
    });

    test('publishing neither waits nor throws, whoever listens and whatever they do', async () => {
      const [first, second] = await nodes(2);
      second.bus.follow(A);
      let isInside = true;
      let wasCalledInside = false;
      second.bus.onEntries(() => {
        wasCalledInside = isInside;
      });
      first.bus.publish([entry(A, 1)]);
      isInside = false;
      first.bus.publish([]);
      expect(wasCalledInside).toBe(false);
      expect(first.bus.isUp()).toBe(true);
    });

    test('a node that has left hears nothing and holds nobody up', async () => {
      const [first, second, third] = await nodes(3);
      for (const { bus } of [second, third]) bus.follow(A);
      await second.bus.close();
      await vi.waitFor(() => {
        first.bus.publish([entry(A, 1)]);
        expect(third.heard.length).toBeGreaterThan(0);
      });
      expect(second.heard).toEqual([]);
    });
  });
}

interface Heard {
  readonly bus: Bus;
  readonly heard: Entry[];
}

function entry(stream: string, seq: number): Entry {
  return {
    stream,
    seq,
    at: '2026-01-01T00:00:00.000Z',
    actor: null,
    event: { type: 'channel.unlisted', channelId: stream },
  };
}
