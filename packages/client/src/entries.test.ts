import { type Entry, fail, newId } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { createFeed } from './entries.ts';

const entry = (seq: number): Entry => ({
  ...{ stream: newId(), seq, at: '2026-01-01T00:00:00.000Z', actor: null },
  event: { type: 'channel.unlisted', channelId: newId() },
});
const seqOf = (one: Entry) => one.seq;

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of values) found.push(value);
  return found;
}

describe('a reader of entries', () => {
  test('gets everything from the call on, also what came before it first asked', async () => {
    const feed = createFeed();
    feed.publish(entry(1));
    const reader = feed.read(seqOf);
    for (const seq of [2, 3]) feed.publish(entry(seq));
    expect((await reader.next()).value).toBe(2);
    const [third, fourth] = [reader.next(), reader.next()];
    feed.publish(entry(4));
    expect([(await third).value, (await fourth).value]).toEqual([3, 4]);
  });

  test('picks what it wants', async () => {
    const feed = createFeed();
    const even = feed.read(({ seq }) => (seq % 2 === 0 ? seq : undefined));
    for (const seq of [1, 2, 3, 4]) feed.publish(entry(seq));
    feed.end();
    expect(await all(even)).toEqual([2, 4]);
  });

  test('reads what waits before it ends, and is told why where it ended badly', async () => {
    const feed = createFeed();
    const reader = feed.read(seqOf);
    feed.publish(entry(1));
    feed.end(fail('session_ended'));
    expect((await reader.next()).value).toBe(1);
    await expect(reader.next()).rejects.toMatchObject({ code: 'session_ended' });
    expect((await reader.next()).done).toBe(true);
  });

  test('that leaves its loop no longer costs anything', async () => {
    const feed = createFeed();
    const reader = feed.read(seqOf);
    feed.publish(entry(1));
    for await (const _ of reader) break;
    expect(feed.readers).toBe(0);
    expect((await reader.next()).done).toBe(true);
  });

  test('that does not read is given up at 100,000, and others are not held up', async () => {
    const feed = createFeed();
    const idle = feed.read(seqOf);
    const one = entry(1);
    for (let count = 0; count <= 100_000; count += 1) feed.publish(one);
    expect(feed.readers).toBe(0);
    await expect(all(idle)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('asks for a pause while much is waiting', async () => {
    const feed = createFeed();
    const reader = feed.read(seqOf);
    await feed.room();
    for (let seq = 1; seq <= 1_500; seq += 1) feed.publish(entry(seq));
    let free = false;
    const room = feed.room().then(() => {
      free = true;
    });
    for (let count = 0; count < 500; count += 1) await reader.next();
    expect(free).toBe(false);
    await reader.next();
    await room;
    expect(free).toBe(true);
  });
});
