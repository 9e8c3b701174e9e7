import type { User } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../storage/store.ts';
import { Hub } from './hub.ts';
import { relayCommits } from './relay.ts';
import { Subscription } from './subscription.ts';
import { rest } from './test/by-hand.ts';
import { Listener, until } from './test/listener.ts';
import { type DeliveryNode, lossy, openNode, timesInTen } from './test/node.ts';

let node: DeliveryNode;
let ana: User;
let bob: User;
beforeAll(async () => {
  node = await openNode();
  [ana, bob] = await node.cast.people(2);
});
afterAll(() => node.close());

/** Bob's place in a channel at a hub, after `after`; the head is what was read when he came. */
function place(
  { id: stream, head }: { id: string; head: number },
  after: number,
  { hub = node.hub, store = node.store as Pick<Store, 'readLog'> } = {},
) {
  const listener = new Listener();
  const ended: string[] = [];
  const receiver = {
    userId: bob.id,
    sink: listener,
    drained: () => listener.drained(),
    ended: (name: string) => ended.push(name),
    tooSlow: () => listener.tooSlow(),
    failed: (error: unknown) => listener.failed(error),
    gapFound: (name: string) => listener.gapFound(name),
  };
  const subscription = new Subscription(stream, { after, memberSince: 0 }, receiver, hub, store);
  hub.join(stream, subscription);
  hub.settle(stream, head);
  return { subscription, listener, ended };
}

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function aChannel(messages = 0) {
  const channel = await node.cast.channel(ana, { members: [bob] });
  for (let left = messages; left > 0; left -= 250) {
    await node.store.postMessages(from(1, Math.min(left, 250)).map(() => node.cast.message(ana, channel)));
  }
  return { ...channel, head: channel.head + messages };
}

describe('a place in a stream', () => {
  test('[D1] [D2] catches up and goes on live while others keep posting: each entry once, in order', async () => {
    const channel = await aChannel(700);
    const { subscription, listener } = place(channel, 3);
    const posting = (async () => {
      for (let batch = 0; batch < 60; batch += 1) {
        await node.store.postMessages([1, 2, 3].map(() => node.cast.message(ana, channel)));
      }
    })();
    await subscription.start();
    await posting;
    await listener.reach({ [channel.id]: channel.head + 180 });
    expect(listener.seqs(channel.id)).toEqual(from(4, channel.head + 180));
    expect(listener.gaps).toEqual([]);
    subscription.end();
  });

  test('[D2] where nothing was missed the log is not read at all', async () => {
    const channel = await aChannel();
    const store = { readLog: () => Promise.reject(new Error('The log was read.')) };
    const { subscription, listener } = place(channel, channel.head, { store });
    await subscription.start();
    await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: channel.head + 1 });
    expect([listener.seqs(channel.id), listener.failures]).toEqual([[channel.head + 1], []]);
    subscription.end();
  });

  test('[D4] whoever is more than 2,000 behind is told so, and gets what comes after', async () => {
    const channel = await aChannel(2_050);
    const edge = place(channel, channel.head - 2_000);
    const beyond = place(channel, channel.head - 2_001);
    await Promise.all([edge.subscription.start(), beyond.subscription.start()]);
    await node.cast.post(ana, channel);
    for (const { listener } of [edge, beyond]) await listener.reach({ [channel.id]: channel.head + 1 });
    expect(edge.listener.seqs(channel.id)).toEqual(from(channel.head - 1_999, channel.head + 1));
    const behind = { type: 'behind', stream: channel.id, after: channel.head - 2_001, head: channel.head };
    expect(beyond.listener.frames).toEqual([behind, expect.objectContaining({ type: 'entry', seq: channel.head + 1 })]);
    for (const { subscription } of [edge, beyond]) subscription.end();
  });

  test('a slow reader is sent one piece at a time, and then all of it', async () => {
    const channel = await aChannel();
    const body = 'é'.repeat(8_000);
    await node.store.postMessages(from(1, 60).map(() => node.cast.message(ana, channel, body)));
    const head = channel.head + 60;
    const { subscription, listener } = place({ ...channel, head }, 0);
    listener.block();
    const started = subscription.start();
    await until(() => listener.frames.length > 0);
    const { length } = listener.frames;
    await node.store.ping({});
    expect(listener.frames.length).toBe(length);
    await node.cast.post(ana, channel);
    while (listener.seqs(channel.id).at(-1) !== head + 1) {
      const before = listener.frames.length;
      listener.unblock();
      listener.block();
      await until(() => listener.frames.length > before);
    }
    listener.unblock();
    await started;
    expect(listener.seqs(channel.id)).toEqual(from(1, head + 1));
    expect(listener.largestWrite).toBeLessThan(128 * 1024 + 20_000);
    subscription.end();
  });

  test('[D1] a burst larger than a reader may have waiting goes out in pieces, and live delivery goes on after it', async () => {
    const channel = await aChannel();
    const { subscription, listener } = place(channel, channel.head);
    await subscription.start();
    const burst = () =>
      node.store.postMessages(from(1, 60).map(() => node.cast.message(ana, channel, 'é'.repeat(8_000))));
    await burst();
    await listener.reach({ [channel.id]: channel.head + 60 });
    listener.block();
    await burst();
    await node.cast.post(ana, channel);
    expect(listener.seqs(channel.id).at(-1)).toBeLessThan(channel.head + 120);
    listener.unblock();
    await listener.reach({ [channel.id]: channel.head + 121 });
    await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: channel.head + 122 });
    expect(listener.seqs(channel.id)).toEqual(from(channel.head + 1, channel.head + 122));
    expect(listener.largestWrite).toBeLessThan(128 * 1024 + 20_000);
    expect(listener.gaps).toEqual([]);
    subscription.end();
  });

  test('a reader that takes nothing while more than 1 MiB arrives is too slow, one that takes a little is not', async () => {
    const channel = await aChannel();
    const { subscription, listener } = place(channel, channel.head);
    await subscription.start();
    const burst = (count: number) =>
      node.store.postMessages(from(1, count).map(() => node.cast.message(ana, channel, 'é'.repeat(8_000))));
    listener.block();
    await burst(100);
    await burst(60);
    expect(listener.isTooSlow).toBe(false);
    const { length } = listener.frames;
    listener.unblock();
    listener.block();
    await until(() => listener.frames.length > length);
    await burst(60);
    expect(listener.isTooSlow).toBe(false);
    await burst(10);
    expect(listener.isTooSlow).toBe(true);
    subscription.end();
    listener.close();
  });

  test('[A1] a removal in the middle of a burst ends it, however much of it is still to be sent', async () => {
    const channel = await aChannel();
    const { subscription, listener, ended } = place(channel, channel.head);
    await subscription.start();
    listener.block();
    const body = 'é'.repeat(8_000);
    await node.store.postMessages(from(1, 60).map(() => node.cast.message(ana, channel, body)));
    const sent = listener.frames.length;
    await node.cast.remove(ana, channel, bob);
    listener.unblock();
    await node.cast.post(ana, channel);
    await rest();
    expect([ended, listener.frames.length]).toEqual([[channel.id], sent]);
  });

  test('[A1] a removal while catching up ends it: nothing after the removal is sent', async () => {
    const channel = await aChannel(300);
    const { subscription, listener, ended } = place(channel, 0);
    listener.block();
    const started = subscription.start();
    await until(() => listener.frames.length > 0);
    await node.cast.remove(ana, channel, bob);
    await node.cast.post(ana, channel);
    listener.unblock();
    await started;
    expect(ended).toEqual([channel.id]);
    expect(listener.seqs(channel.id).at(-1)).toBeLessThanOrEqual(channel.head + 1);
    expect(node.hub.receivers(channel.id)).toBe(0);
  });

  test('[A1] a removal that this node has not heard of is found out by the reading', async () => {
    const channel = await aChannel(300);
    const deaf = new Hub(
      node.store,
      lossy(node.bus.connect(), () => true),
    );
    const { subscription, listener, ended } = place(channel, 0, { hub: deaf });
    listener.block();
    const started = subscription.start();
    await until(() => listener.frames.length > 0);
    const sent = listener.frames.length;
    await node.cast.remove(ana, channel, bob);
    listener.unblock();
    await started;
    expect([ended, listener.frames.length]).toEqual([[channel.id], sent]);
  });

  test('a connection that is lost while it catches up stops the reading', async () => {
    const channel = await aChannel(300);
    let reads = 0;
    const store = { readLog: (range: Parameters<Store['readLog']>[0]) => ++reads && node.store.readLog(range) };
    const { subscription, listener } = place(channel, 0, { store: store as never });
    listener.block();
    const started = subscription.start();
    await until(() => listener.frames.length > 0);
    listener.close();
    await started;
    expect(reads).toBe(1);
    subscription.end();
  });

  test('a log that cannot be read fails the connection, which resumes elsewhere', async () => {
    const channel = await aChannel(1);
    const broken = { readLog: () => Promise.reject(new Error('The disk is gone.')) };
    const { subscription, listener, ended } = place(channel, 0, { store: broken });
    await subscription.startChecked();
    expect([listener.failures.length, ended]).toEqual([1, []]);
    subscription.end();
  });

  test('[D1] [D3] a node that hears only some hints still sends each entry once, in order', async () => {
    const channel = await aChannel(10);
    const deaf = new Hub(node.store, lossy(node.bus.connect(), timesInTen(3)));
    const { subscription, listener } = place(channel, 0, { hub: deaf });
    await subscription.start();
    for (let batch = 0; batch < 200; batch += 1) await node.cast.post(ana, channel);
    await deaf.compareHeads();
    await listener.reach({ [channel.id]: channel.head + 200 });
    expect(listener.seqs(channel.id)).toEqual(from(1, channel.head + 200));
    expect(listener.gaps).toEqual([]);
    subscription.end();
  });

  test('commits of several operations reach the hub stream by stream, each run whole', async () => {
    const channel = await aChannel();
    const runs: string[][] = [];
    const spy = { accept: (entries: readonly { stream: string }[]) => runs.push(entries.map(({ stream }) => stream)) };
    const quiet = { publish() {} };
    const told: Parameters<Store['onCommitted']>[0][] = [];
    relayCommits({ onCommitted: (listener) => told.push(listener) }, spy as never, quiet as never);
    const entry = (stream: string) => ({ stream }) as never;
    told[0]?.([entry('a'), entry('b'), entry('a'), entry(channel.id)], { messages: 0, millis: 0 });
    expect(runs).toEqual([['a', 'a', 'b', channel.id]]);
  });
});
