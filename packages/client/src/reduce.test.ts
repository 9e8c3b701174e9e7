import { type Entry, type Message, type MyChannel, newId, type Snapshot } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_BACKOFF } from './backoff.ts';
import { applyEntry, closeDraft, openDraft, reduce, snapshotFromState, stateFromSnapshot } from './reduce.ts';
import { createStore } from './store.ts';
import { createStreams } from './streams.ts';
import { manualTiming } from './test/manual-timing.ts';
import { type Happening, smallWorld } from './test/small-world.ts';

const KINDS = [
  ...['create', 'join', 'leave', 'kick', 'post', 'reply', 'read', 'rename'],
  ...['promote', 'other-joins', 'other-leaves', 'archive', 'register', 'rename-me'],
] as Happening['kind'][];
const happenings = (most: number) =>
  fc.array(fc.record({ kind: fc.constantFrom(...KINDS), pick: fc.nat(1_000) }), { maxLength: most, size: 'max' });

/** Deals the streams' entries out in an order that `turns` decides, each stream's own order kept. */
function interleave(streams: readonly (readonly Entry[])[], turns: readonly number[]): Entry[] {
  const left = streams.map((entries) => [...entries]).filter((entries) => entries.length > 0);
  const dealt: Entry[] = [];
  for (let turn = 0; left.length > 0; turn += 1) {
    const place = (turns[turn % turns.length] ?? turn) % left.length;
    const [next] = (left[place] as Entry[]).splice(0, 1);
    dealt.push(next as Entry);
    if (left[place]?.length === 0) left.splice(place, 1);
  }
  return dealt;
}

describe('the fold', () => {
  test('[R2] a snapshot folded with the entries since, in any order between streams, is a fresh snapshot', async () => {
    await fc.assert(
      fc.property(
        happenings(25),
        happenings(40),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 60, size: 'max' }),
        (before, after, turns) => {
          const world = smallWorld();
          for (const happening of before) world.happen(happening);
          const start = world.snapshot();
          const known = world.sent();
          for (const happening of after) world.happen(happening);
          const since = [...world.sent()].map(([stream, entries]) => entries.slice(known.get(stream)?.length ?? 0));

          const store = createStore();
          store.replace(stateFromSnapshot(start));
          const streams = createStreams({
            cursorOf: store.cursorOf,
            apply: store.apply,
            pull: () => Promise.reject(new Error('nothing is missing')),
            room: () => Promise.resolve(),
            isRead: () => false,
            resync: () => expect.unreachable('nothing is missing'),
            timing: manualTiming(),
            backoff: DEFAULT_BACKOFF,
          });
          for (const entry of interleave(since, turns)) streams.receive(entry);

          const folded = store.getState();
          expect(folded && snapshotFromState(folded)).toEqual(world.snapshot());
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('a snapshot survives the way into a state and back', () => {
    const world = smallWorld();
    for (const kind of ['create', 'create', 'post', 'register'] as const) world.happen({ kind, pick: 0 });
    expect(snapshotFromState(stateFromSnapshot(world.snapshot()))).toEqual(world.snapshot());
  });

  test('folding many entries through one draft is folding them one by one', () => {
    const world = smallWorld();
    const start = stateFromSnapshot(world.snapshot());
    for (const kind of ['create', 'post', 'reply', 'post', 'rename'] as const) world.happen({ kind, pick: 0 });
    const [workspace, user, ...channels] = [...world.sent().values()];
    const entries = [...(workspace ?? []), ...(user ?? []), ...channels.flat()];
    const draft = openDraft(start);
    for (const entry of entries) applyEntry(draft, entry);
    expect(closeDraft(draft)).toEqual(entries.reduce<typeof start>(reduce, start));
  });
});

const ME = newId();
const CHANNEL = newId();
const AT = '2026-01-01T00:00:00.000Z';

function aState(channel: Partial<MyChannel> = {}) {
  const user = { id: ME, username: 'me', displayName: 'Me', role: 'member' } as const;
  const snapshot: Snapshot = {
    ...{ epoch: newId(), user, users: [user], directory: [], cursors: { [ME]: 0, workspace: 0, [CHANNEL]: 4 } },
    channels: [
      {
        ...{ id: CHANNEL, kind: 'private', name: 'here', topic: '', archived: false, rev: 1, head: 4, messageCount: 2 },
        ...{ memberCount: 2, createdAt: AT, createdBy: ME, role: 'member', readSeq: 4, readOrdinal: 2, unread: 0 },
        ...channel,
      },
    ],
  };
  return stateFromSnapshot(snapshot);
}

const aMessage = (seq: number, ordinal: number, authorId = newId()): Message => ({
  ...{ id: newId(), channelId: CHANNEL, seq, ordinal, authorId, body: 'hi', createdAt: AT, rev: 1 },
});
const posted = (message: Message): Entry => ({
  ...{ stream: CHANNEL, seq: message.seq, at: AT, actor: message.authorId },
  event: { type: 'message.posted', message },
});
const toMe = (seq: number, event: Entry['event']): Entry => ({ stream: ME, seq, at: AT, actor: ME, event });

describe('one entry', () => {
  test('changes only what it concerns: all else stays the same object', () => {
    const before = aState();
    const after = reduce(before, posted(aMessage(5, 3)));
    expect(after).not.toBe(before);
    expect(after.users).toBe(before.users);
    expect(after.directory).toBe(before.directory);
    expect(after.timelines).toBe(before.timelines);
    expect(before.channels.get(CHANNEL)?.messageCount).toBe(2);
    expect(after.channels.get(CHANNEL)?.messageCount).toBe(3);
  });

  test('[U1] another one’s message is unread until the cursor passes it, and my own is read', () => {
    const theirs = reduce(aState(), posted(aMessage(5, 3)));
    expect(theirs.channels.get(CHANNEL)).toMatchObject({ unread: 1, readSeq: 4, head: 5 });
    const read = reduce(theirs, toMe(1, { type: 'read.advanced', channelId: CHANNEL, seq: 5, ordinal: 3 }));
    expect(read.channels.get(CHANNEL)).toMatchObject({ unread: 0, readSeq: 5 });
    const mine = reduce(theirs, posted(aMessage(6, 4, ME)));
    expect(mine.channels.get(CHANNEL)).toMatchObject({ unread: 0, readSeq: 6, readOrdinal: 4 });
  });

  test('[U1] a read cursor that is ahead of the messages does not make unread negative, and never goes back', () => {
    const ahead = reduce(aState(), toMe(1, { type: 'read.advanced', channelId: CHANNEL, seq: 6, ordinal: 4 }));
    expect(ahead.channels.get(CHANNEL)?.unread).toBe(0);
    const back = reduce(ahead, toMe(2, { type: 'read.advanced', channelId: CHANNEL, seq: 5, ordinal: 3 }));
    expect(back.channels.get(CHANNEL)).toMatchObject({ readSeq: 6, readOrdinal: 4 });
    const caughtUp = reduce(reduce(back, posted(aMessage(5, 3))), posted(aMessage(6, 4)));
    expect(caughtUp.channels.get(CHANNEL)?.unread).toBe(0);
  });

  test('a message joins a loaded timeline once, and none where none is loaded', () => {
    const message = aMessage(5, 3);
    const state = { ...aState(), timelines: new Map([[CHANNEL, { messages: [message], complete: false }]]) };
    expect(reduce(state, posted(message)).timelines.get(CHANNEL)?.messages).toEqual([message]);
    const next = aMessage(6, 4);
    expect(reduce(state, posted(next)).timelines.get(CHANNEL)?.messages).toEqual([message, next]);
    expect(reduce(aState(), posted(message)).timelines.size).toBe(0);
  });

  test('an event of a newer server moves the cursor and changes nothing else', () => {
    const before = aState();
    const after = reduce(before, { stream: CHANNEL, seq: 5, event: { type: 'unknown' } });
    expect(after.cursors.get(CHANNEL)).toBe(5);
    expect(after.channels.get(CHANNEL)).toEqual({ ...before.channels.get(CHANNEL), head: 5 });
  });

  test('news of a membership that the state is past already changes nothing', () => {
    const state = aState();
    const channel = { ...(state.channels.get(CHANNEL) as MyChannel), head: 3, messageCount: 1 };
    expect(reduce(state, toMe(1, { type: 'membership.added', channel })).channels).toBe(state.channels);
    const again = { ...channel, head: 9, messageCount: 7 };
    const back = reduce(state, toMe(1, { type: 'membership.added', channel: again }));
    expect(back.channels.get(CHANNEL)).toEqual(again);
    expect(back.cursors.get(CHANNEL)).toBe(9);
  });

  test('losing a channel takes its messages and its cursor along', () => {
    const state = { ...aState(), timelines: new Map([[CHANNEL, { messages: [], complete: true }]]) };
    const gone = reduce(state, toMe(1, { type: 'membership.removed', channelId: CHANNEL, seq: 5 }));
    expect([gone.channels.size, gone.timelines.size, gone.cursors.has(CHANNEL)]).toEqual([0, 0, false]);
    const told = reduce(state, toMe(1, { type: 'membership.removed', channelId: CHANNEL, seq: 3 }));
    expect(told.channels).toBe(state.channels);
  });
});
