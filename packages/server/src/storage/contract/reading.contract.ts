import type { Message, User } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { type Cast, refusalOf } from '../test/cast.ts';

export function readingContract(cast: () => Cast): void {
  /** A channel of nine messages between which other entries stand, and everything one can ask of its history. */
  async function aHistory() {
    const [ana, bob] = await cast().people(2);
    const channel = await cast().channel(ana);
    const messages: Message[] = [];
    for (let index = 0; index < 9; index += 1) {
      messages.push(await cast().post(ana, channel, `message ${index}`));
      if (index % 3 === 0) await (index % 2 ? cast().remove(ana, channel, bob) : cast().add(ana, channel, bob));
    }
    const page = async (range: { before?: number; after?: number; around?: number; limit: number }) =>
      (await cast().store.listMessages({ userId: ana.id, channelId: channel.id, ...range })).messages;
    return { ana, bob, channel, messages, page };
  }

  describe('history', () => {
    test('[O1] pages before and after meet without a gap or a repetition, whatever their size', async () => {
      const { messages, page } = await aHistory();
      for (const limit of [1, 2, 4, 9, 10]) {
        const backwards: Message[] = [];
        for (
          let older = await page({ limit });
          older.length > 0;
          older = await page({ before: older[0]?.seq ?? 0, limit })
        ) {
          backwards.unshift(...older);
        }
        expect(backwards).toEqual(messages);
        const forwards: Message[] = [];
        for (let newer = await page({ after: 0, limit }); newer.length > 0; ) {
          forwards.push(...newer);
          newer = await page({ after: newer.at(-1)?.seq ?? 0, limit });
        }
        expect(forwards).toEqual(messages);
      }
    });

    test('before and after leave out the seq itself, and the edges are empty', async () => {
      const { messages, page } = await aHistory();
      const [first, second, last] = [messages[0], messages[1], messages.at(-1)] as [Message, Message, Message];
      expect(await page({ before: second.seq, limit: 5 })).toEqual([first]);
      expect(await page({ before: first.seq, limit: 5 })).toEqual([]);
      expect(await page({ before: 0, limit: 5 })).toEqual([]);
      expect(await page({ after: last.seq, limit: 5 })).toEqual([]);
      expect(await page({ after: last.seq - 1, limit: 5 })).toEqual([last]);
      expect(await page({ after: Number.MAX_SAFE_INTEGER, limit: 5 })).toEqual([]);
      expect(await page({ before: Number.MAX_SAFE_INTEGER, limit: 1 })).toEqual([last]);
    });

    test('a page around a seq is one unbroken run that holds it, full wherever there is enough', async () => {
      const { messages, page } = await aHistory();
      const head = messages.at(-1)?.seq ?? 0;
      for (const limit of [1, 2, 3, 5, 9, 20]) {
        for (let around = 0; around <= head + 2; around += 1) {
          const found = await page({ around, limit });
          const start = messages.findIndex(({ id }) => id === found[0]?.id);
          expect(found).toEqual(messages.slice(start, start + found.length));
          expect(found.length).toBe(Math.min(limit, messages.length));
          const holds = messages.find(({ seq }) => seq === around);
          if (holds) expect(found).toContainEqual(holds);
        }
      }
    });

    test('[R1] the head that comes with a page is the log’s', async () => {
      const { ana, channel } = await aHistory();
      const { head } = await cast().store.listMessages({ userId: ana.id, channelId: channel.id, limit: 1 });
      expect({ [channel.id]: head }).toEqual(await cast().store.readHeads({ streams: [channel.id] }));
    });

    test('a public channel shows its history to members alone', async () => {
      const [ana, eve] = await cast().people(2);
      const channel = await cast().channel(ana, { kind: 'public' });
      const ask = () => cast().store.listMessages({ userId: eve.id, channelId: channel.id, limit: 1 });
      expect(await refusalOf(ask())).toBe('not_a_member');
      await cast().join(eve, channel);
      expect((await ask()).messages).toEqual([]);
    });
  });

  describe('the read cursor', () => {
    test('[U1] unread is exactly the messages above the cursor, at every place of the log', async () => {
      const { ana, channel, messages } = await aHistory();
      const reader = await lateReader(cast(), ana, channel);
      const more = [await cast().post(ana, channel), await cast().post(ana, channel)];
      const { head } = await cast().mine(ana, channel);
      expect((await cast().mine(reader, channel)).unread).toBe(2);
      for (let seq = 0; seq <= head; seq += 1) {
        const answer = await cast().read(reader, channel, seq);
        const unread = [...messages, ...more].filter((message) => message.seq > answer.seq).length;
        expect(answer.unread).toBe(unread);
        expect(await cast().mine(reader, channel)).toMatchObject({ readSeq: answer.seq, unread });
      }
    });

    test('[U1] it only moves forward, and never beyond the head', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      const seqs = [await cast().post(ana, channel), await cast().post(ana, channel)].map(({ seq }) => seq) as [
        number,
        number,
      ];
      expect(await cast().read(bob, channel, seqs[0])).toEqual({ seq: seqs[0], unread: 1 });
      expect(await cast().read(bob, channel, 1)).toEqual({ seq: seqs[0], unread: 1 });
      expect(await cast().read(bob, channel, 1_000_000)).toEqual({ seq: seqs[1], unread: 0 });
      const later = await cast().post(ana, channel);
      expect(await cast().read(bob, channel, seqs[1])).toEqual({ seq: seqs[1], unread: 1 });
      const racing = await Promise.all([cast().read(bob, channel, later.seq), cast().read(bob, channel, seqs[0])]);
      expect(racing).toEqual(Array(2).fill({ seq: later.seq, unread: 0 }));
    });

    test('[U1] each move is told once to the reader’s own devices, and to nobody else', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      const { seq } = await cast().post(ana, channel);
      const before = await cast().store.readHeads({ streams: [bob.id, ana.id, channel.id] });
      for (const reached of [seq, seq, seq - 1]) await cast().read(bob, channel, reached);
      const { entries } = await cast().store.readEntries({ stream: bob.id, after: before[bob.id] ?? 0, limit: 10 });
      const event = { type: 'read.advanced', channelId: channel.id, seq, ordinal: 1 };
      expect(entries.map((entry) => entry.event)).toEqual([event]);
      const after = await cast().store.readHeads({ streams: [bob.id, ana.id, channel.id] });
      expect(after).toEqual({ ...before, [bob.id]: (before[bob.id] ?? 0) + 1 });
    });
  });
}

async function lateReader(cast: Cast, owner: User, channel: { id: string }): Promise<User> {
  const reader = await cast.person();
  await cast.add(owner, channel, reader);
  return reader;
}
