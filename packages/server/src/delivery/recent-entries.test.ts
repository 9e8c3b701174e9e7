import type { Entry } from '@parley/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryTail } from '../tail/memory-tail.ts';
import { completeRun, type RecentTail } from '../tail/recent-tail.ts';
import { Hub } from './hub.ts';
import { Session } from './session.ts';
import { HandBus, HandLog, Reader, removal, rest, STREAM } from './test/by-hand.ts';
import { Listener } from './test/listener.ts';
import { actorOf, type DeliveryNode, openNode } from './test/node.ts';

/** A tail that remembers what a test gives it. */
class HandTail implements RecentTail {
  entries: Entry[] = [];
  asked: string[] = [];
  gate: Promise<void> | null = null;

  async read(range: { stream: string; after: number; to: number }) {
    this.asked.push(`${range.after} to ${range.to}`);
    await this.gate;
    return completeRun(range, this.entries);
  }
}

async function aHub(delivered: number) {
  const [log, bus, tail, reader] = [new HandLog(), new HandBus(), new HandTail(), new Reader()];
  const asked: [string, boolean][] = [];
  const hub = new Hub(log, bus, { askedTail: (...question) => asked.push(question) }, { tail });
  log.append(delivered);
  hub.join(STREAM, reader);
  hub.settle(STREAM, delivered);
  return { log, bus, tail, hub, reader, asked };
}

async function settled() {
  for (let turn = 0; turn < 6; turn += 1) await rest();
}

describe('repair out of the recent entries', () => {
  test('[D1] [D3] what is missing and remembered is delivered, and the log is left alone', async () => {
    const { log, bus, tail, reader, asked } = await aHub(5);
    const entries = log.append(4);
    tail.entries = [...entries].reverse();
    bus.hint(entries[3] as Entry);
    await settled();
    expect(reader.received).toEqual([6, 7, 8, 9]);
    expect([log.reads, asked]).toEqual([0, [['repair', true]]]);
    bus.hint(...log.append(1));
    expect(reader.received.at(-1)).toBe(10);
  });

  test('[D3] what comparing heads finds is looked for there, too', async () => {
    const { log, tail, hub, reader } = await aHub(5);
    tail.entries = log.append(3);
    await hub.compareHeads();
    await settled();
    expect([reader.received, log.reads, tail.asked]).toEqual([[6, 7, 8], 0, ['5 to 8']]);
  });

  test('[D1] [D3] where one of them is not remembered, the log is read', async () => {
    const { log, bus, tail, reader, asked } = await aHub(5);
    const entries = log.append(4);
    tail.entries = entries.filter(({ seq }) => seq !== 7);
    bus.hint(entries[3] as Entry);
    await settled();
    expect(reader.received).toEqual([6, 7, 8, 9]);
    expect([log.reads > 0, asked]).toEqual([true, [['repair', false]]]);
  });

  test('[A1] a removal among them ends the removed person’s place there', async () => {
    const { log, bus, tail, hub, reader } = await aHub(2);
    const removed = new Reader('eve', hub);
    hub.join(STREAM, removed);
    const entries = [...log.append(1), ...log.append(1, removal('eve')), ...log.append(2)];
    tail.entries = entries;
    bus.hint(entries[3] as Entry);
    await settled();
    expect([removed.received, removed.revokedAt]).toEqual([[3, 4], [4]]);
    expect([reader.received, log.reads]).toEqual([[3, 4, 5, 6], 0]);
  });

  test('[D1] what is delivered while they are asked for is not delivered again', async () => {
    const { log, bus, tail, reader } = await aHub(5);
    const entries = log.append(5);
    const opened = Promise.withResolvers<void>();
    tail.gate = opened.promise;
    tail.entries = entries;
    bus.hint(entries[2] as Entry);
    bus.hint(entries[0] as Entry, entries[1] as Entry);
    expect(reader.received).toEqual([6, 7, 8]);
    bus.hint(entries[4] as Entry);
    opened.resolve();
    await settled();
    expect([reader.received, log.reads]).toEqual([[6, 7, 8, 9, 10], 0]);
  });

  test('[D1] [D3] whatever is remembered of what was lost: every entry once, in order, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
        fc.infiniteStream(fc.nat(9)),
        async (kept, chances) => {
          const { log, bus, tail, hub, reader } = await aHub(3);
          for (const isKept of kept) {
            const [entry] = log.append(1) as [Entry];
            if (isKept) tail.entries.push(entry);
            const chance = chances.next().value ?? 0;
            if (chance < 5) bus.hint(entry);
            if (chance > 6) await rest();
          }
          await hub.compareHeads();
          await settled();
          expect(reader.received).toEqual(Array.from({ length: 30 }, (_, index) => index + 4));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('resuming out of the recent entries', () => {
  let node: DeliveryNode;
  const tail = new MemoryTail();
  beforeAll(async () => {
    node = await openNode();
    node.store.onCommitted((entries) => tail.append(entries));
  });
  afterAll(() => node.close());

  /** Somebody connects to a node with this tail, and what the log was read for is written down. */
  async function resumed(
    user: { id: string; username: string; displayName: string; role: 'member' | 'owner' },
    cursors: Record<string, number>,
    remembered: RecentTail,
  ) {
    const read: string[] = [];
    const store = {
      ...node.store,
      readLog: (input: Parameters<DeliveryNode['store']['readLog']>[0]) => {
        read.push(input.stream);
        return node.store.readLog(input);
      },
    };
    const bus = node.bus.connect();
    const listener = new Listener();
    const session = new Session(actorOf(user), listener, new Hub(store, bus, {}, { tail: remembered }), store);
    await session.open({ epoch: node.store.epoch, cursors });
    await session.start();
    return { listener, session, read };
  }

  test('[D2] [D4] somebody who was away for a moment is caught up without reading the log', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const { cursors } = await node.store.bootstrap({ userId: bob.id });
    for (let index = 0; index < 5; index += 1) await node.cast.post(ana, channel);
    const { listener, session, read } = await resumed(bob, cursors, tail);
    expect(listener.seqs(channel.id)).toEqual([1, 2, 3, 4, 5].map((seq) => channel.head + seq));
    expect(read).toEqual([]);
    await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: channel.head + 6 });
    session.end();
    const forgetful = await resumed(bob, cursors, new MemoryTail(-1));
    expect(forgetful.listener.entries(channel.id)).toEqual(listener.entries(channel.id));
    expect(forgetful.read).toEqual([channel.id]);
    forgetful.session.end();
  });

  test('[A1] whoever was removed meanwhile is sent nothing that is remembered', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const { cursors } = await node.store.bootstrap({ userId: bob.id });
    await node.cast.post(ana, channel);
    await node.cast.remove(ana, channel, bob);
    await node.cast.post(ana, channel);
    const { listener, session } = await resumed(bob, cursors, tail);
    expect(listener.entries(channel.id)).toEqual([]);
    session.end();
  });

  test('[A1] a removal that happens while they are read lets nothing after it through', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const { cursors } = await node.store.bootstrap({ userId: bob.id });
    const { seq } = await node.cast.post(ana, channel);
    const slow: RecentTail = {
      async read(range) {
        await node.cast.remove(ana, channel, bob);
        await node.cast.post(ana, channel);
        return tail.read(range);
      },
    };
    const { listener, session } = await resumed(bob, cursors, slow);
    expect(Math.max(0, ...listener.seqs(channel.id))).toBeLessThanOrEqual(seq + 1);
    session.end();
  });
});
