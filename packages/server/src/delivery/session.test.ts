import { newId, WORKSPACE_STREAM } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../storage/store.ts';
import { Hub } from './hub.ts';
import { Session } from './session.ts';
import { rest } from './test/by-hand.ts';
import { Listener, until } from './test/listener.ts';
import { actorOf, connect, type DeliveryNode, lossy, openNode } from './test/node.ts';

let node: DeliveryNode;
beforeAll(async () => {
  node = await openNode();
});
afterAll(() => node.close());

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const cursorsOf = async (userId: string) => (await node.store.bootstrap({ userId })).cursors;

/** The node, except that `act` is done after the nth listing of what somebody may follow has been made. */
function interrupted(nth: number, act: () => Promise<unknown>): Pick<DeliveryNode, 'store' | 'hub'> {
  let listings = 0;
  const store: Store = {
    ...node.store,
    async listSubscriptions(input) {
      const places = await node.store.listSubscriptions(input);
      listings += 1;
      if (listings === nth) await act();
      return places;
    },
  };
  return { store, hub: node.hub };
}

describe('a session', () => {
  test('without cursors starts at every head: the workspace, one’s own stream and one’s channels', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    await node.cast.channel(ana);
    const { listener, session, greeting, started } = await connect(node, bob);
    await started;
    const heads = await node.store.readHeads({ streams: [channel.id, bob.id, WORKSPACE_STREAM] });
    expect(greeting).toEqual({ epoch: node.store.epoch, heads, reset: false });
    expect(listener.frames).toEqual([]);
    await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: channel.head + 1 });
    expect(listener.seqs(channel.id)).toEqual([channel.head + 1]);
    session.end();
    await node.cast.post(ana, channel);
    await rest();
    expect([listener.frames.length, node.hub.receivers(channel.id)]).toEqual([1, 0]);
  });

  test('[D2] [D4] resumes each stream at exactly the next entry, one’s own stream first', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const cursors = await cursorsOf(bob.id);
    for (let index = 0; index < 5; index += 1) await node.cast.post(ana, channel);
    const { seq } = await node.cast.post(bob, channel);
    await node.cast.post(ana, channel);
    await node.cast.read(bob, channel, seq + 1);
    const { listener, session, greeting, started } = await connect(node, bob, { epoch: node.store.epoch, cursors });
    await started;
    expect(greeting.heads).toEqual(await cursorsOf(bob.id));
    expect(listener.seqs(channel.id)).toEqual(from(channel.head + 1, channel.head + 7));
    expect(listener.seqs(bob.id)).toEqual([(cursors[bob.id] ?? 0) + 1]);
    expect(listener.frames[0]).toMatchObject({ stream: bob.id });
    session.end();
  });

  test('[D4] cursors of another epoch, or beyond a head, are not used: the reader is told to start anew', async () => {
    const [ana] = await node.cast.people(1);
    const channel = await node.cast.channel(ana);
    const heads = await cursorsOf(ana.id);
    const lost = [
      { epoch: newId(), cursors: heads },
      { epoch: node.store.epoch, cursors: { ...heads, [channel.id]: channel.head + 1 } },
      { cursors: { ...heads, [ana.id]: 1_000 } },
    ];
    for (const standpoint of lost) {
      const { listener, session, greeting, started } = await connect(node, ana, standpoint);
      await started;
      expect(greeting).toEqual({ epoch: node.store.epoch, heads, reset: true });
      expect(listener.frames).toEqual([]);
      session.end();
    }
  });

  test('cursors of streams that one may not follow are passed over', async () => {
    const [ana, eve] = await node.cast.people(2);
    const hidden = await node.cast.channel(ana);
    const cursors = { ...(await cursorsOf(eve.id)), [hidden.id]: 0, [ana.id]: 0, [newId()]: 99 };
    const { listener, session, greeting, started } = await connect(node, eve, { cursors });
    await started;
    expect([greeting.reset, Object.keys(greeting.heads).sort()]).toEqual([false, [eve.id, WORKSPACE_STREAM].sort()]);
    await node.cast.post(ana, hidden);
    expect(listener.frames).toEqual([]);
    session.end();
  });

  test('[D1] follows the channels that one is added to, from the entry after one’s own arrival', async () => {
    const [ana, bob] = await node.cast.people(2);
    const { listener, session } = await connect(node, bob);
    const channel = await node.cast.channel(ana);
    for (let index = 0; index < 3; index += 1) await node.cast.post(ana, channel);
    await node.cast.add(ana, channel, bob);
    const { head } = await node.cast.mine(bob, channel);
    const { seq } = await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: seq });
    expect(listener.seqs(channel.id)).toEqual(from(head + 1, seq));
    session.end();
  });

  test('[D1] [D4] a channel that one was added to while away starts after the entry that one’s own stream tells', async () => {
    const [ana, bob] = await node.cast.people(2);
    const cursors = await cursorsOf(bob.id);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const joinedAt = channel.head;
    const { seq } = await node.cast.post(ana, channel);
    const { listener, session, greeting, started } = await connect(node, bob, { cursors });
    await started;
    expect(greeting.heads[channel.id]).toBe(joinedAt);
    expect(listener.entries(bob.id)).toMatchObject([
      { event: { type: 'membership.added', channel: { head: joinedAt } } },
    ]);
    expect(listener.seqs(channel.id)).toEqual(from(joinedAt + 1, seq));
    session.end();
  });

  test.each([1, 2])('[D1] who is added while the session opens (listing %i) misses nothing', async (nth) => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana);
    const cursors = await cursorsOf(bob.id);
    const added = interrupted(nth, async () => {
      await node.cast.add(ana, channel, bob);
      await node.cast.post(ana, channel);
    });
    const { listener, session, started } = await connect(added, bob, { cursors });
    await started;
    const { seq } = await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: seq });
    expect(listener.seqs(channel.id)).toEqual(from(channel.head + 2, seq));
    expect(listener.entries(bob.id).length).toBe(1);
    session.end();
  });

  test.each([1, 2])('[D1] so does who comes without cursors (listing %i)', async (nth) => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana);
    const added = interrupted(nth, () => node.cast.add(ana, channel, bob));
    const { listener, session, greeting, started } = await connect(added, bob);
    await started;
    const first = await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: first.seq });
    const startedAfter = greeting.heads[channel.id] ?? listener.entries(bob.id)[0]?.seq;
    expect([startedAfter !== undefined, listener.seqs(channel.id)]).toEqual([true, [first.seq]]);
    session.end();
  });

  test.each([1, 2])('[A1] who is removed while the session opens (listing %i) gets nothing after it', async (nth) => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const cursors = await cursorsOf(bob.id);
    const removed = interrupted(nth, async () => {
      await node.cast.remove(ana, channel, bob);
      await node.cast.post(ana, channel);
    });
    const { listener, session, started } = await connect(removed, bob, { cursors });
    await started;
    await node.cast.post(ana, channel);
    await node.store.ping({});
    expect(listener.seqs(channel.id).every((seq) => seq <= channel.head + 1)).toBe(true);
    expect(listener.entries(bob.id)).toMatchObject([{ event: { type: 'membership.removed', seq: channel.head + 1 } }]);
    expect(node.hub.receivers(channel.id)).toBe(0);
    session.end();
  });

  test('[A1] every session of somebody who is removed gets the removal and nothing after it', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const both = [await connect(node, bob), await connect(node, bob)];
    await Promise.all(both.map(({ started }) => started));
    const posting = Promise.all(from(1, 20).map(() => node.cast.post(ana, channel)));
    const removing = node.cast.remove(ana, channel, bob);
    await Promise.all([posting, removing, ...from(1, 20).map(() => node.cast.post(ana, channel))]);
    const { entries } = await node.store.readEntries({ stream: channel.id, after: channel.head, limit: 500 });
    const removal = entries.find(({ event }) => event.type === 'member.removed');
    for (const { listener, session } of both) {
      expect(listener.seqs(channel.id)).toEqual(from(channel.head + 1, removal?.seq ?? 0));
      session.end();
    }
  });

  test('[A1] [D1] somebody removed and added again, over and over, goes on from each new arrival', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const { listener, session, started } = await connect(node, bob);
    await started;
    const allowed: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const { seq } = await node.cast.post(ana, channel);
      await listener.reach({ [channel.id]: seq });
      await node.cast.remove(ana, channel, bob);
      await node.cast.post(ana, channel);
      await node.cast.add(ana, channel, bob);
      allowed.push(seq, seq + 1);
    }
    const { seq } = await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: seq });
    expect(listener.seqs(channel.id)).toEqual([...allowed, seq]);
    expect(listener.gaps).toEqual([]);
    session.end();
  });

  test('[D1] [D3] a removal that this node hears of late, after the return, does not end what goes on', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const hub = new Hub(
      node.store,
      lossy(node.bus.connect(), ({ stream }) => stream === channel.id),
    );
    const { listener, session, started } = await connect({ store: node.store, hub }, bob);
    await started;
    await node.cast.remove(ana, channel, bob);
    await node.cast.add(ana, channel, bob);
    const own = (await cursorsOf(bob.id))[bob.id] ?? 0;
    await listener.reach({ [bob.id]: own });
    const { seq } = await node.cast.post(ana, channel);
    await hub.compareHeads();
    await listener.reach({ [channel.id]: seq });
    const { seq: next } = await node.cast.post(ana, channel);
    await hub.compareHeads();
    await listener.reach({ [channel.id]: next });
    expect(listener.seqs(channel.id)).toEqual(from(channel.head + 1, next));
    session.end();
  });

  test('[A2] the end of this session is told to the connection, the end of another is not', async () => {
    const [ana] = await node.cast.people(1);
    const sessions = [newId(), newId()] as const;
    for (const id of sessions) {
      await node.store.createSession({ id, userId: ana.id, refreshTokenHash: newId(), at: 1, expiresAt: 9e12 });
    }
    const listeners = await Promise.all(
      sessions.map(async (sessionId) => {
        const listener = new Listener();
        const session = new Session(actorOf(ana, sessionId), listener, node.hub, node.store);
        await session.open({});
        await session.start();
        return listener;
      }),
    );
    await node.store.endSession({ sessionId: sessions[0], reason: 'logout', at: 1 });
    expect(listeners.map(({ hasSessionEnded }) => hasSessionEnded)).toEqual([true, false]);
  });

  test('[D4] [A2] who is far behind in their own stream still follows what happens from now on', async () => {
    const [ana, bob] = await node.cast.people(2);
    const busy = await node.cast.channel(ana, { members: [bob] });
    const cursors = await cursorsOf(bob.id);
    for (let batch = 0; batch < 9; batch += 1) {
      const outcomes = await node.store.postMessages(from(1, 250).map(() => node.cast.message(ana, busy)));
      const reads = outcomes.flatMap((outcome) => ('message' in outcome ? [outcome.message.seq] : []));
      await Promise.all(reads.map((seq) => node.cast.read(bob, busy, seq)));
    }
    const sessionId = newId();
    await node.store.createSession({
      id: sessionId,
      userId: bob.id,
      refreshTokenHash: newId(),
      at: 1,
      expiresAt: 9e12,
    });
    const listener = new Listener();
    const session = new Session(actorOf(bob, sessionId), listener, node.hub, node.store);
    await session.open({ cursors });
    // Between the opening and the reading of what was missed.
    const channel = await node.cast.channel(ana, { members: [bob] });
    const { seq } = await node.cast.post(ana, channel);
    await session.start();
    await listener.reach({ [channel.id]: seq });
    await node.store.endSession({ sessionId, reason: 'logout', at: 1 });
    await until(() => listener.hasSessionEnded);
    expect(listener.frames).toContainEqual(expect.objectContaining({ type: 'behind', stream: bob.id }));
    session.end();
  });

  test('a beat names the heads that have moved since the last one', async () => {
    const [ana, bob] = await node.cast.people(2);
    const channel = await node.cast.channel(ana, { members: [bob] });
    const { listener, session, started } = await connect(node, bob);
    await started;
    expect(session.takeMovedHeads()).toEqual(await cursorsOf(bob.id));
    expect(session.takeMovedHeads()).toEqual({});
    const { seq } = await node.cast.post(ana, channel);
    await listener.reach({ [channel.id]: seq });
    expect(session.takeMovedHeads()).toEqual({ [channel.id]: seq });
    session.end();
  });
});
