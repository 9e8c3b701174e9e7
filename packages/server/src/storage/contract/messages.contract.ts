import { newId } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import type { PostOutcome } from '../store.ts';
import { Cast, type OpenedStore } from '../test/cast.ts';

export function messagesContract(cast: () => Cast, open: () => Promise<OpenedStore>): void {
  describe('posting', () => {
    test('[O1] [O3] a batch is posted in its order, each message in the next place of its channel', async () => {
      const [ana, bob] = await cast().people(2);
      const [one, two] = [await cast().channel(ana, { members: [bob] }), await cast().channel(bob, { members: [ana] })];
      const batch = [one, two, one, one, two, one].map((channel, index) =>
        cast().message(index % 2 ? ana : bob, channel, `body ${index}`),
      );
      const messages = (await cast().store.postMessages(batch)).map(posted);
      expect(messages.map(({ id, body }) => [id, body])).toEqual(batch.map(({ id, body }) => [id, body]));
      for (const channel of [one, two]) {
        const ofChannel = messages.filter(({ channelId }) => channelId === channel.id);
        expect(ofChannel.map(({ seq }) => seq)).toEqual(ofChannel.map((_, index) => channel.head + 1 + index));
        expect(ofChannel.map(({ ordinal }) => ordinal)).toEqual(ofChannel.map((_, index) => index + 1));
        const page = await cast().store.listMessages({ userId: ana.id, channelId: channel.id, limit: 100 });
        expect(page).toEqual({ messages: ofChannel, head: channel.head + ofChannel.length });
      }
    });

    test('[O2] what is posted after an acknowledgement stands after it, whoever posts', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      const seqs: number[] = [];
      for (const author of [ana, bob, bob, ana]) seqs.push((await cast().post(author, channel)).seq);
      expect(seqs).toEqual([1, 2, 3, 4].map((place) => channel.head + place));
    });

    test('a refused message fails alone: its neighbours stand without a gap', async () => {
      const [ana, eve] = await cast().people(2);
      const channel = await cast().channel(ana, { kind: 'public' });
      const hidden = await cast().channel(ana);
      const taken = await cast().post(ana, channel);
      const outcomes = await cast().store.postMessages([
        cast().message(ana, channel),
        cast().message(eve, channel),
        { ...cast().message(ana, channel, 'something else'), id: taken.id },
        cast().message(eve, hidden),
        cast().message(ana, { id: newId() }),
        cast().message(ana, channel),
      ]);
      expect(outcomes.map((outcome) => ('code' in outcome ? outcome.code : outcome.status))).toEqual([
        ...['posted', 'not_a_member', 'id_conflict', 'channel_not_found', 'channel_not_found', 'posted'],
      ]);
      expect([outcomes[0], outcomes[5]].map((outcome) => posted(outcome).ordinal)).toEqual([2, 3]);
      expect((await cast().mine(ana, channel)).messageCount).toBe(3);
    });

    test('a batch may be empty, or as large as batches get', async () => {
      const ana = await cast().person();
      const channel = await cast().channel(ana);
      expect(await cast().store.postMessages([])).toEqual([]);
      for (const size of [1, 63, 64, 65, 256]) {
        const batch = Array.from({ length: size }, () => cast().message(ana, channel));
        const outcomes = await cast().store.postMessages(batch);
        expect(outcomes.map((outcome) => posted(outcome).id)).toEqual(batch.map(({ id }) => id));
      }
      expect((await cast().mine(ana, channel)).messageCount).toBe(449);
    });

    test('[S2] the same message again is the original, inside a batch and across batches and openings', async () => {
      const opened = await open();
      const own = new Cast(opened.store);
      const ana = await own.person();
      const channel = await own.channel(ana, { name: 'tea' });
      const message = own.message(ana, channel);
      const later = { ...message, at: own.at() };
      const [first, ...again] = await own.store.postMessages([message, later, own.message(ana, channel), later]);
      const original = posted(first);
      const duplicate = { status: 'duplicate', message: original, channelName: 'tea' };
      expect([again[0], again[2]]).toEqual([duplicate, duplicate]);
      expect(await own.store.postMessages([later])).toEqual([duplicate]);
      expect(await (await opened.reopen()).postMessages([later, { ...later, probe: true }])).toEqual([
        duplicate,
        duplicate,
      ]);
      await opened.close();
    });

    test('[S2] many who resend at once all get the one original', async () => {
      const ana = await cast().person();
      const channel = await cast().channel(ana);
      const message = cast().message(ana, channel);
      const outcomes = (
        await Promise.all(Array.from({ length: 20 }, () => cast().store.postMessages([message])))
      ).flat();
      expect(outcomes.filter(({ status }) => status === 'posted').length).toBe(1);
      expect(new Set(outcomes.map((outcome) => ('message' in outcome ? outcome.message.seq : 0))).size).toBe(1);
      expect((await cast().mine(ana, channel)).messageCount).toBe(1);
    });

    test('[S2] an id that names another body, author or channel is refused, now and for ever', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      const other = await cast().channel(ana, { members: [bob] });
      const message = cast().message(ana, channel);
      const conflict = { status: 'refused', code: 'id_conflict' };
      const impostors = [
        { ...message, body: 'hello ' },
        { ...message, authorId: bob.id },
        { ...message, channelId: other.id },
        { ...message, body: 'another', probe: true },
      ];
      const [first, ...inside] = await cast().store.postMessages([message, ...impostors]);
      expect(first?.status).toBe('posted');
      expect(inside).toEqual(impostors.map(() => conflict));
      expect(await cast().store.postMessages(impostors)).toEqual(impostors.map(() => conflict));
    });

    test('[S2] a resend is acknowledged even where a new message would be refused by now', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      const message = cast().message(bob, channel);
      const [first] = await cast().store.postMessages([message]);
      await cast().remove(ana, channel, bob);
      await cast().store.updateChannel({ actorId: ana.id, channelId: channel.id, rev: 1, archived: true, at: 1 });
      expect(await cast().store.postMessages([message])).toMatchObject([
        { status: 'duplicate', message: posted(first) },
      ]);
    });

    test('[S3] a probe finds what is there and adds nothing where it is not', async () => {
      const ana = await cast().person();
      const channel = await cast().channel(ana, { name: 'tea' });
      const message = cast().message(ana, channel);
      const probe = { ...message, probe: true };
      expect(await cast().store.postMessages([probe])).toEqual([{ status: 'absent', channelName: 'tea' }]);
      const [absent, there, found] = await cast().store.postMessages([probe, message, probe]);
      expect([absent?.status, there?.status, found?.status]).toEqual(['absent', 'posted', 'duplicate']);
      expect((await cast().mine(ana, channel)).messageCount).toBe(1);
    });

    test('[U1] to send is to have read: the cursor stands at one’s own last message of a batch', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      const batch = [ana, bob, ana, bob, bob].map((author) => cast().message(author, channel));
      await cast().store.postMessages(batch);
      expect(await cast().mine(ana, channel)).toMatchObject({ readSeq: channel.head + 3, readOrdinal: 3, unread: 2 });
      expect(await cast().mine(bob, channel)).toMatchObject({ readSeq: channel.head + 5, readOrdinal: 5, unread: 0 });
    });

    test('bodies come back as they were sent, in every script and length', async () => {
      const ana = await cast().person();
      const channel = await cast().channel(ana);
      const bodies = [
        '𝔘𝔫𝔦 👩‍👩‍👧‍👦 عربى ‮',
        "Robert'); drop table messages;--",
        '{"__proto__":1}\n\t\u0001',
        'é'.repeat(8_000),
      ];
      for (const body of bodies) await cast().post(ana, channel, body);
      const { messages } = await cast().store.listMessages({ userId: ana.id, channelId: channel.id, limit: 10 });
      expect(messages.map(({ body }) => body)).toEqual(bodies);
    });
  });
}

function posted(outcome: PostOutcome | undefined) {
  if (outcome?.status !== 'posted') throw new Error(`This was not posted: ${JSON.stringify(outcome)}`);
  return outcome.message;
}
