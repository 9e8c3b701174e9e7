import { type Failure, fail, newId } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_BACKOFF } from './backoff.ts';
import type { Command, OkFrame } from './frames.ts';
import { createOutbox } from './outbox.ts';
import { manualTiming, settled } from './test/manual-timing.ts';

const CHANNEL = newId();

type Answer = 'ok' | 'lost' | Failure;

/**
 * An outbox and the log it writes to. `answers` says what becomes of each send in turn: accepted, accepted with the
 * answer lost, or refused; after the last one all are accepted. Like the server, the log takes each id once.
 */
function anOutbox(answers: Answer[] = []) {
  const timing = manualTiming();
  const logs = new Map<string, { id: string; body: string }[]>();
  const cursors = new Map<string, number>();
  const asked: string[] = [];
  let online = true;
  const post = (frame: Extract<Command, { type: 'send' }>): OkFrame => {
    const log = logs.get(frame.channelId) ?? [];
    logs.set(frame.channelId, log);
    if (!log.some(({ id }) => id === frame.id)) log.push({ id: frame.id, body: frame.body });
    return { type: 'ok', ref: 1, id: frame.id, seq: log.findIndex(({ id }) => id === frame.id) + 1 };
  };
  const outbox = createOutbox({
    async request(frame) {
      if (frame.type !== 'send') throw new Error(`unexpected ${frame.type}`);
      asked.push(frame.body);
      const answer = answers.shift() ?? 'ok';
      await Promise.resolve();
      if (answer === 'ok') return post(frame);
      if (answer !== 'lost') throw answer;
      post(frame);
      throw fail('timeout');
    },
    isOnline: () => online,
    cursorOf: (stream) => cursors.get(stream),
    timing,
    backoff: DEFAULT_BACKOFF,
    onChange: () => {},
  });
  const bodies = (channelId = CHANNEL) => logs.get(channelId)?.map(({ body }) => body) ?? [];
  const setOnline = (value: boolean) => {
    online = value;
    if (value) outbox.resume();
  };
  return { outbox, timing, bodies, asked, cursors, setOnline };
}

describe('the outbox', () => {
  test('shows a message at once and lets it go when it is acknowledged', async () => {
    const { outbox } = anOutbox();
    const sent = outbox.send(CHANNEL, '  hello ');
    expect(outbox.list()).toMatchObject([{ channelId: CHANNEL, body: 'hello', status: { kind: 'sending' } }]);
    expect(outbox.list()).toBe(outbox.list());
    expect(await sent).toMatchObject({ channelId: CHANNEL, seq: 1 });
    expect(outbox.list()).toEqual([]);
  });

  test('what is sent before the connection is up is sent once it is, in order', async () => {
    const { outbox, bodies, setOnline } = anOutbox();
    setOnline(false);
    const sends = ['a', 'b', 'c'].map((body) => outbox.send(CHANNEL, body));
    await settled();
    expect(bodies()).toEqual([]);
    setOnline(true);
    await Promise.all(sends);
    expect(bodies()).toEqual(['a', 'b', 'c']);
  });

  test('[S3] an unknown outcome is sent again under the same id, and stands in the log once', async () => {
    const { outbox, bodies, asked, timing } = anOutbox(['lost', 'lost']);
    const sent = outbox.send(CHANNEL, 'once');
    await timing.pass(60_000);
    expect((await sent).seq).toBe(1);
    expect([asked, bodies()]).toEqual([['once', 'once', 'once'], ['once']]);
  });

  test('[T1] a throttled message says when it goes, goes then, and those behind it wait their turn', async () => {
    const { outbox, bodies, timing } = anOutbox(['ok', fail('throttled', { retryAfterMs: 4_000 })]);
    for (const body of ['a', 'b', 'c']) void outbox.send(CHANNEL, body);
    await timing.pass(1_000);
    expect(bodies()).toEqual(['a']);
    expect(outbox.list().map(({ status }) => status.kind)).toEqual(['throttled', 'sending']);
    await timing.pass(5_000);
    expect(bodies()).toEqual(['a', 'b', 'c']);
    expect(outbox.list()).toEqual([]);
  });

  test('a new connection does not shorten the wait that the server named', async () => {
    const { outbox, asked, timing, setOnline } = anOutbox([fail('throttled', { retryAfterMs: 4_000 })]);
    void outbox.send(CHANNEL, 'a');
    await timing.pass(1_000);
    setOnline(true);
    await timing.pass(1_000);
    expect(asked).toEqual(['a']);
  });

  test('a message refused for good stays for a retry, and its neighbours go on', async () => {
    const { outbox, bodies } = anOutbox([fail('channel_archived')]);
    const refused = outbox.send(CHANNEL, 'a');
    const next = outbox.send(CHANNEL, 'b');
    await expect(refused).rejects.toMatchObject({ code: 'channel_archived' });
    await next;
    expect(outbox.list()).toMatchObject([{ body: 'a', status: { kind: 'failed', code: 'channel_archived' } }]);
    outbox.retry(outbox.list()[0]?.id ?? '');
    await settled();
    await settled();
    expect([bodies(), outbox.list()]).toEqual([['b', 'a'], []]);
  });

  test('a failed message can be dropped, one on its way cannot', async () => {
    const { outbox } = anOutbox([fail('not_a_member')]);
    const refused = outbox.send(CHANNEL, 'a');
    const [{ id } = { id: '' }] = outbox.list();
    outbox.discard(id);
    expect(outbox.list()).toHaveLength(1);
    await expect(refused).rejects.toMatchObject({ code: 'not_a_member' });
    outbox.discard(id);
    expect(outbox.list()).toEqual([]);
  });

  test('what could never be accepted is refused here', async () => {
    const { outbox, asked } = anOutbox();
    for (const body of ['', '   ', 'x'.repeat(8_001), 'a\u0000b']) {
      await expect(outbox.send(CHANNEL, body)).rejects.toMatchObject({ code: 'validation_failed' });
    }
    await expect(outbox.send('no-id', 'a')).rejects.toMatchObject({ code: 'validation_failed' });
    expect([asked, outbox.list()]).toEqual([[], []]);
  });

  test('[S2] the same id again is the same message; with other content it is a conflict', async () => {
    const { outbox, bodies } = anOutbox();
    const id = newId();
    const first = outbox.send(CHANNEL, 'a', id);
    expect(outbox.send(CHANNEL, 'a', id)).toBe(first);
    await expect(outbox.send(CHANNEL, 'b', id)).rejects.toMatchObject({ code: 'id_conflict' });
    await first;
    expect(bodies()).toEqual(['a']);
  });

  test('an acknowledged message stays on show until its entry has been applied', async () => {
    const { outbox, cursors } = anOutbox();
    cursors.set(CHANNEL, 0);
    await outbox.send(CHANNEL, 'a');
    expect(outbox.list()).toHaveLength(1);
    cursors.set(CHANNEL, 1);
    outbox.settle();
    expect(outbox.list()).toEqual([]);
  });

  test('an entry that comes before the ack lets the message go, and counts as the ack', async () => {
    const { outbox } = anOutbox(['lost']);
    const id = newId();
    const sent = outbox.send(CHANNEL, 'a', id);
    outbox.arrived({
      ...{ id, channelId: CHANNEL, seq: 7, ordinal: 1, authorId: newId(), body: 'a' },
      ...{ createdAt: new Date(0).toISOString(), rev: 1 },
    });
    expect(outbox.list()).toEqual([]);
    expect(await sent).toEqual({ id, channelId: CHANNEL, seq: 7 });
  });

  test('[O3] whatever becomes of each send, a channel’s messages stand in the order they were sent in', async () => {
    const answer = fc.constantFrom<Answer>(
      'ok',
      'lost',
      fail('unavailable'),
      fail('timeout'),
      fail('internal'),
      fail('throttled', { retryAfterMs: 700 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { maxLength: 30 }),
        fc.array(fc.nat(2), { minLength: 1, maxLength: 20 }),
        fc.array(fc.boolean(), { maxLength: 8 }),
        async (answers, places, lines) => {
          const { outbox, timing, bodies, setOnline } = anOutbox([...answers]);
          const channels = [newId(), newId(), newId()] as const;
          const sends = places.map((place, turn) => outbox.send(channels[place as 0 | 1 | 2], String(turn)));
          for (const up of lines) {
            setOnline(up);
            await timing.pass(300);
          }
          setOnline(true);
          await timing.pass(1_000_000);
          await Promise.all(sends);
          for (const [place, channel] of channels.entries()) {
            const expected = places.flatMap((other, turn) => (other === place ? [String(turn)] : []));
            expect(bodies(channel)).toEqual(expected);
          }
          expect(outbox.list()).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
  });
});
