import type { Entry, MyChannel, User } from '@parley/protocol';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPostgres, type PostgresEngine } from '../../test/postgres-engine.ts';
import type { PostOutcome, Store } from '../store.ts';
import { Cast, refusalOf } from '../test/cast.ts';
import { aHappening, World } from '../test/happenings.ts';
import { openPostgresStore } from './postgres-store.ts';

let engine: PostgresEngine;
let url: string;
let nodes: [Cast, Cast];

beforeAll(async () => {
  engine = await openPostgres();
}, 300_000);
afterAll(() => engine.close());
beforeEach(async () => {
  url = await engine.database();
  const open = async () => new Cast(await openPostgresStore({ url, allowWeakDurability: false }));
  nodes = [await open(), await open()];
});
afterEach(() => Promise.all(nodes.map(({ store }) => store.close())));

const everyEntry = async (store: Store, stream: string): Promise<Entry[]> => {
  const found: Entry[] = [];
  for (;;) {
    const { entries, head } = await store.readEntries({ stream, after: found.length, limit: 500 });
    found.push(...entries);
    if (found.length >= head) return found;
  }
};

const deadlocks = async (): Promise<unknown> => {
  const name = new URL(url).pathname.slice(1);
  const [row] = await engine.administer(`select deadlocks::int from pg_stat_database where datname = '${name}'`);
  return row?.deadlocks;
};

const statuses = (outcomes: readonly PostOutcome[]) =>
  outcomes.map((outcome) => ('code' in outcome ? outcome.code : outcome.status));

describe('two nodes on one PostgreSQL', () => {
  test('[O1] [O3] [D1] that post, join, leave and rename at once never wait in a circle, and leave dense logs', async () => {
    const [one, two] = nodes;
    const people = await one.people(20);
    const [ana] = people;
    const channels = await Promise.all([1, 2, 3].map(() => one.channel(ana, { kind: 'public' })));
    const places = (index: number) => channels.map((_, place) => channels[(place + index) % 3] as MyChannel);
    await Promise.all(
      people.flatMap((person, index) => places(index).map((channel) => nodes[index % 2 ? 1 : 0].join(person, channel))),
    );

    const sent = new Map<User, string[]>();
    const busy = people.flatMap((person, index) => {
      const node = nodes[index % 2 ? 1 : 0];
      const batches = Array.from({ length: 10 }, () => places(index).map((channel) => node.message(person, channel)));
      sent.set(
        person,
        batches.flat().map(({ id }) => id),
      );
      const posting = batches.map((batch) => node.store.postMessages(batch));
      const reading = channels.map((channel) => node.read(person, channel, 40));
      const moving = places(index).map(async (channel) => {
        if (index % 5 !== 4) return;
        await node.store
          .updateChannel({ actorId: ana.id, channelId: channel.id, rev: 1, topic: `${index}`, at: 1 })
          .catch(() => {});
        await node.conversation(person, ana.username);
      });
      return [...posting, ...reading, ...moving];
    });
    const results = await Promise.allSettled(busy);
    expect(results.filter((result) => result.status === 'rejected')).toEqual([]);
    expect(await deadlocks()).toBe(0);

    for (const channel of channels) {
      const entries = await everyEntry(two.store, channel.id);
      expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
      const posted = entries.flatMap(({ event }) => (event.type === 'message.posted' ? [event.message] : []));
      expect(posted.length).toBe(200);
      expect(posted.map(({ ordinal }) => ordinal)).toEqual(posted.map((_, index) => index + 1));
      for (const [person, ids] of sent) {
        const there = posted.filter(({ authorId }) => authorId === person.id).map(({ id }) => id);
        expect(there).toEqual(ids.filter((id) => there.includes(id)));
        expect(there.length).toBe(10);
      }
      for (const person of people) {
        const { unread, readOrdinal } = await one.mine(person, channel);
        expect([unread, readOrdinal]).toEqual([200 - readOrdinal, readOrdinal]);
      }
    }
  });

  test('[O2] order what is posted after an acknowledgement after it, whichever node it goes to', async () => {
    const [one] = nodes;
    const ana = await one.person();
    const channel = await one.channel(ana);
    for (let place = 1; place <= 40; place += 1) {
      expect((await nodes[place % 2 ? 0 : 1].post(ana, channel)).seq).toBe(channel.head + place);
    }
  });

  test('[S2] give one original to a message that is sent to both at once', async () => {
    const ana = await nodes[0].person();
    const channel = await nodes[0].channel(ana);
    const messages = Array.from({ length: 20 }, () => nodes[0].message(ana, channel));
    const answers = await Promise.all(
      messages.flatMap((message) => nodes.map(({ store }) => store.postMessages([message]))),
    );
    const outcomes = answers.flat();
    expect(statuses(outcomes).filter((status) => status === 'posted').length).toBe(20);
    expect(statuses(outcomes).filter((status) => status === 'duplicate').length).toBe(20);
    expect((await nodes[1].mine(ana, channel)).messageCount).toBe(20);
  });

  test('[S2] refuse an id that names messages of two channels, and keep the one that came first', async () => {
    const ana = await nodes[0].person();
    const channels = [await nodes[0].channel(ana), await nodes[0].channel(ana)] as const;
    for (let round = 0; round < 20; round += 1) {
      // In opposite orders, so that each holds what the other one needs next.
      const ids = [0, 1].map(() => nodes[0].message(ana, channels[0]).id);
      const batches = nodes.map((node, place) =>
        (place ? ids.toReversed() : ids).map((id) => ({ ...node.message(ana, channels[place] as MyChannel), id })),
      );
      const answers = await Promise.all(nodes.map(({ store }, place) => store.postMessages(batches[place] ?? [])));
      expect(statuses(answers.flat()).sort()).toEqual(['id_conflict', 'id_conflict', 'posted', 'posted']);
    }
  }, 60_000);

  test('give a username, a public name and a conversation to one of those who come at once', async () => {
    const [one, two] = nodes;
    const [ana, bob] = await one.people(2);
    for (let round = 0; round < 15; round += 1) {
      const names = [`name-${round}`, `NAME-${round}`] as const;
      const people = await Promise.allSettled([one.person(names[0]), two.person(names[1])]);
      expect(people.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      for (const person of people) if (person.status === 'rejected') expect(person.reason.code).toBe('username_taken');

      const rooms = await Promise.allSettled([
        one.channel(ana, { kind: 'public', name: names[0] }),
        two.channel(bob, { kind: 'public', name: names[1] }),
      ]);
      expect(rooms.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      for (const room of rooms) if (room.status === 'rejected') expect(room.reason.code).toBe('channel_name_taken');

      const eve = await one.person();
      const both = await Promise.all([one.conversation(ana, eve.username), two.conversation(eve, ana.username)]);
      expect(both[0].channel.id).toBe(both[1].channel.id);
      expect(both.map(({ created }) => created).sort()).toEqual([false, true]);
    }
  }, 60_000);

  test('[A1] post nothing for somebody after the removal of theirs has been acknowledged by the other', async () => {
    const [one, two] = nodes;
    const [ana, bob] = await one.people(2);
    for (let round = 0; round < 10; round += 1) {
      const channel = await one.channel(ana, { members: [bob] });
      const posting = Array.from({ length: 5 }, () => two.store.postMessages([two.message(bob, channel)]));
      await one.remove(ana, channel, bob);
      expect(statuses(await two.store.postMessages([two.message(bob, channel)]))).toEqual(['channel_not_found']);
      await Promise.all(posting);
      const entries = await everyEntry(two.store, channel.id);
      const removal = entries.findIndex(({ event }) => event.type === 'member.removed');
      expect(entries.slice(removal + 1)).toEqual([]);
    }
  });

  test('[E1] let one of two changes of the same revision win, and let the last owner stay', async () => {
    const [one, two] = nodes;
    const [ana, bob] = await one.people(2);
    const channel = await one.channel(ana, { members: [bob] });
    await one.appoint(ana, channel, bob, 'owner');
    const change = (node: Cast, topic: string) =>
      node.store.updateChannel({ actorId: ana.id, channelId: channel.id, rev: 1, topic, at: 1 });
    const both = await Promise.allSettled([change(one, 'one'), change(two, 'two')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const resigning = await Promise.allSettled([
      one.appoint(ana, channel, ana, 'member'),
      two.appoint(bob, channel, bob, 'member'),
    ]);
    expect(resigning.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(Object.values(await one.roles(ana, channel)).sort()).toEqual(['member', 'owner']);
  });

  test('[U1] never move a read cursor back, whoever posts and reads at once', async () => {
    const [one, two] = nodes;
    const [ana, bob] = await one.people(2);
    const channel = await one.channel(ana, { members: [bob] });
    for (let round = 0; round < 30; round += 1) {
      const { seq } = await one.post(ana, channel);
      const [own] = await Promise.all([one.post(bob, channel), two.read(bob, channel, seq)]);
      expect(await two.mine(bob, channel)).toMatchObject({ readSeq: own.seq, readOrdinal: own.ordinal, unread: 0 });
    }
  });

  test('[A2] two tabs that refresh at two nodes at once both go on with the one successor', async () => {
    const [one, two] = nodes;
    const user = await one.person();
    for (let round = 0; round < 20; round += 1) {
      const [sessionId, token, second] = [`s${round}`, `t${round}`, `u${round}`] as const;
      await one.store.createSession({
        id: sessionId,
        userId: user.id,
        refreshTokenHash: token,
        at: 1,
        expiresAt: 9_000,
      });
      const refresh = ({ store }: Cast) =>
        store.rotateRefreshToken({ hash: token, successorHash: second, at: 2, graceMs: 10 });
      const both = await Promise.all([refresh(one), refresh(two)]);
      expect(both.map(({ status }) => status)).toEqual(['rotated', 'rotated']);
    }
    expect(await refusalOf(one.store.promoteToOwner({ username: 'no.body', at: 1 }))).toBe('user_not_found');
  });

  test('[D1] [R2] whatever happens on both, every log is dense and is told as it is by the one or the other', async () => {
    const told = new Map<string, Entry[]>();
    for (const { store } of nodes) {
      const last = new Map<string, number>();
      store.onCommitted((entries) => {
        for (const entry of entries) {
          expect(entry.seq).toBeGreaterThan(last.get(entry.stream) ?? 0);
          last.set(entry.stream, entry.seq);
          told.set(entry.stream, [...(told.get(entry.stream) ?? []), entry]);
        }
      });
    }
    const people = await nodes[0].people(4);
    await fc.assert(
      fc.asyncProperty(fc.array(aHappening, { minLength: 20, maxLength: 60, size: 'max' }), async (happenings) => {
        const worlds = nodes.map((node) => new World(node, people));
        for (let start = 0; start < happenings.length; start += 6) {
          const crowd = happenings.slice(start, start + 6);
          await Promise.all(crowd.map((happening, place) => worlds[place % 2]?.try(happening)));
        }
      }),
      { numRuns: 10 },
    );
    for (const [stream, entries] of told) {
      const inOrder = [...entries].sort((a, b) => a.seq - b.seq);
      expect(inOrder.map(({ seq }) => seq)).toEqual(inOrder.map((_, index) => index + 1));
      expect(await everyEntry(nodes[0].store, stream)).toEqual(inOrder);
    }
  }, 60_000);
});
