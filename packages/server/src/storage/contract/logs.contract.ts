import { type Cursors, type Entry, newId, WORKSPACE_STREAM } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Store } from '../store.ts';
import { Cast, type OpenedStore, refusalOf } from '../test/cast.ts';
import { aHappening, World } from '../test/happenings.ts';

export function logsContract(cast: () => Cast, open: () => Promise<OpenedStore>): void {
  describe('logs', () => {
    test('[A1] who may read which log', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const [secret, square] = [
        await cast().channel(ana, { members: [bob] }),
        await cast().channel(ana, { kind: 'public' }),
      ];
      const { channel: direct } = await cast().conversation(ana, bob.username);
      await cast().remove(ana, secret, bob);
      const read = (userId: string, stream: string) =>
        cast()
          .store.readLog({ userId, stream, after: 0, limit: 1 })
          .then(
            () => 'ok',
            (error) => error.code,
          );
      const streams = [WORKSPACE_STREAM, ana.id, bob.id, eve.id, secret.id, square.id, direct.id, newId()];
      const table = await Promise.all(
        [ana, bob, eve].map(({ id }) => Promise.all(streams.map((stream) => read(id, stream)))),
      );
      const no = 'channel_not_found';
      expect(table).toEqual([
        ['ok', 'ok', no, no, 'ok', 'ok', 'ok', no],
        ['ok', no, 'ok', no, no, 'not_a_member', 'ok', no],
        ['ok', no, no, 'ok', no, 'not_a_member', no, no],
      ]);
    });

    test('[A1] [R1] a channel’s head is told to its members alone, as it is', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const secret = await cast().channel(ana, { members: [bob] });
      const square = await cast().channel(ana, { kind: 'public' });
      const { store } = cast();
      const headFor = ({ id: userId }: { id: string }, channelId = secret.id) => store.readHead({ userId, channelId });
      const { seq } = await cast().post(ana, secret);
      expect([await headFor(ana), await headFor(bob)]).toEqual([seq, seq]);
      expect(await refusalOf(headFor(eve))).toBe('channel_not_found');
      expect(await refusalOf(headFor(eve, square.id))).toBe('not_a_member');
      expect(await refusalOf(headFor(eve, newId()))).toBe('channel_not_found');
      await cast().remove(ana, secret, bob);
      expect(await refusalOf(headFor(bob))).toBe('channel_not_found');
      expect(await headFor(ana)).toBe(seq + 1);
    });

    test('[D4] a log is read in pages from any place, its head told with each', async () => {
      const ana = await cast().person();
      const channel = await cast().channel(ana);
      for (let index = 0; index < 5; index += 1) await cast().post(ana, channel, `${index}`);
      const { store } = cast();
      const whole = await store.readEntries({ stream: channel.id, after: 0, limit: 500 });
      expect(whole.entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      for (let after = 0; after <= 8; after += 1) {
        const page = await store.readLog({ userId: ana.id, stream: channel.id, after, limit: 3 });
        expect(page).toEqual({ entries: whole.entries.slice(after, after + 3), head: 7 });
      }
      expect(await refusalOf(store.readEntries({ stream: newId(), after: 0, limit: 1 }))).toBe('not_found');
    });

    test('heads of any number of streams are read at once; unknown ones are left out', async () => {
      const ana = await cast().person();
      const channel = await cast().channel(ana);
      const { store } = cast();
      const many = Array.from({ length: 1_200 }, () => newId());
      expect(await store.readHeads({ streams: [...many, channel.id, ana.id] })).toEqual({
        [channel.id]: 2,
        [ana.id]: 1,
      });
      expect(await store.readHeads({ streams: [] })).toEqual({});
    });

    test('[R2] what a client bootstraps from is what all other reads say', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { kind: 'public', members: [bob] });
      await cast().conversation(ana, bob.username);
      await cast().post(ana, channel);
      const { store } = cast();
      const userId = bob.id;
      const snapshot = await store.bootstrap({ userId });
      expect(snapshot.epoch).toBe(store.epoch);
      expect(snapshot.user).toEqual((await store.findCredentials({ username: bob.username }))?.user);
      expect(snapshot.users).toContainEqual(ana);
      expect(snapshot.channels).toEqual(await store.listMyChannels({ userId }));
      for (const mine of snapshot.channels)
        expect(mine).toEqual(await store.getChannel({ userId, channelId: mine.id }));
      expect(snapshot.directory).toContainEqual({ id: channel.id, name: channel.name, topic: '' });
      const places = await store.listSubscriptions({ userId });
      expect(snapshot.cursors).toEqual(Object.fromEntries(places.map(({ stream, head }) => [stream, head])));
      expect(snapshot.cursors).toEqual(await store.readHeads({ streams: places.map(({ stream }) => stream) }));
      expect(await refusalOf(store.bootstrap({ userId: newId() }))).toBe('not_found');
    });

    test('[S1] [R1] a commit is told in order, whole, before what made it is answered, also when many come at once', async () => {
      const { store, close } = await open();
      const own = new Cast(store);
      const told: Cursors = {};
      store.onCommitted((entries) => {
        for (const { stream, seq } of entries) {
          expect(seq).toBe((told[stream] ?? 0) + 1);
          told[stream] = seq;
        }
      });
      const people = await own.people(4);
      const [first] = people;
      const channel = await own.channel(first, { members: people });
      const answered: number[] = [];
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const author = people[index % 4] as (typeof people)[0];
          const [outcome] = await store.postMessages([own.message(author, channel)]);
          const seq = outcome && 'message' in outcome ? outcome.message.seq : 0;
          answered.push(seq);
          expect(told[channel.id]).toBeGreaterThanOrEqual(seq);
          const { head } = await store.readEntries({ stream: channel.id, after: 0, limit: 1 });
          expect(head).toBeGreaterThanOrEqual(seq);
        }),
      );
      expect(answered).toEqual(Array.from({ length: 50 }, (_, index) => channel.head + index + 1));
      expect(told).toEqual(await store.readHeads({ streams: Object.keys(told) }));
      await close();
    });

    test('[D1] [R2] whatever happens, every log is dense and holds exactly what was told of its commits', async () => {
      const { store, close } = await open();
      const committed = new Map<string, Entry[]>();
      store.onCommitted((entries) => {
        for (const entry of entries) committed.set(entry.stream, [...(committed.get(entry.stream) ?? []), entry]);
      });
      const own = new Cast(store);
      const people = await own.people(4);
      await fc.assert(
        fc.asyncProperty(fc.array(aHappening, { minLength: 20, maxLength: 60, size: 'max' }), async (happenings) => {
          const world = new World(own, people);
          // In small crowds, so that several share a commit.
          for (let start = 0; start < happenings.length; start += 4) {
            await Promise.all(happenings.slice(start, start + 4).map((happening) => world.try(happening)));
          }
          for (const [stream, entries] of committed) expect(await wholeLog(store, stream)).toEqual(entries);
        }),
        { numRuns: 15 },
      );
      for (const [stream, entries] of committed) {
        expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
        expect(await store.readHeads({ streams: [stream] })).toEqual({ [stream]: entries.length });
      }
      await close();
    });
  });
}

async function wholeLog(store: Store, stream: string): Promise<Entry[]> {
  const found: Entry[] = [];
  for (;;) {
    const { entries, head } = await store.readEntries({ stream, after: found.length, limit: 37 });
    found.push(...entries);
    if (found.length >= head) return found;
  }
}
