import { type Entry, newId } from '@parley/protocol';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RedisBus } from '../bus/redis-bus.ts';
import { RedisLink } from '../redis/redis-link.ts';
import { type HintFault, SignedHints } from '../redis/signed-hints.ts';
import { findRedis, type OwnRedis, startRedis } from '../test/redis-engine.ts';
import { MemoryTail } from './memory-tail.ts';
import { RedisTail } from './redis-tail.ts';
import { message, type TailNode, tailContract } from './tail.contract.ts';

const SECRET = new Uint8Array(32).fill(9);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A node that remembers nothing by itself, so that all is read from Redis. */
async function aNode(url: string, epoch: string, secret = SECRET, near = new MemoryTail(-1)) {
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line) => lines.push(line) });
  const link = new RedisLink(url, logger);
  const hints = new SignedHints(secret, epoch);
  const refused: HintFault[] = [];
  const tail = new RedisTail(link, { hints, near, epoch, onRefused: (fault) => refused.push(fault) });
  const bus = new RedisBus(link, { hints, epoch, logger, keep: (pipeline, hint) => tail.keep(pipeline, hint) });
  const heard: Entry[] = [];
  bus.onEntries((entries) => heard.push(...entries));
  closing.push(async () => {
    await bus.close();
    link.close();
  });
  await link.settled(5_000);
  await vi.waitFor(() => expect(bus.isUp()).toBe(true));
  const append = (entries: readonly Entry[]) => bus.publish(entries);
  return { tail, bus, link, heard, refused, lines, append };
}

const reads = (node: TailNode, stream: string, after: number, to: number) => node.tail.read({ stream, after, to });
const holds = (node: TailNode, stream: string, after: number, to: number) =>
  vi.waitFor(async () => expect(await reads(node, stream, after, to)).not.toBeNull(), 3_000);

describe('on the Redis that there is', () => {
  let found: Awaited<ReturnType<typeof findRedis>>;
  let client: Redis;
  beforeAll(async () => {
    found = await findRedis();
    client = new Redis(found.url);
  });
  afterAll(() => {
    client.disconnect();
    return found.stop();
  });

  tailContract('Redis', async () => {
    const epoch = newId();
    return [await aNode(found.url, epoch), await aNode(found.url, epoch)];
  });

  test('whoever hears a hint finds it remembered, in the same moment', async () => {
    const [epoch, stream] = [newId(), newId()];
    const [near, far] = [await aNode(found.url, epoch), await aNode(found.url, epoch)];
    const asked: Promise<readonly Entry[] | null>[] = [];
    far.bus.onEntries((entries) => asked.push(...entries.map(({ seq }) => reads(far, stream, seq - 1, seq))));
    far.bus.follow(stream);
    await vi.waitFor(() => {
      near.append([message(stream, 1)]);
      expect(asked.length).toBeGreaterThan(0);
    });
    for (let seq = 2; seq <= 50; seq += 1) near.append([message(stream, seq)]);
    await vi.waitFor(() => expect(far.heard.at(-1)?.seq).toBe(50));
    expect(await Promise.all(asked)).not.toContain(null);
  });

  test('garbage, forged and foreign values are counted and ignored, and hide nothing', async () => {
    const [epoch, stream, other] = [newId(), newId(), newId()];
    const node = await aNode(found.url, epoch);
    const stranger = await aNode(found.url, epoch, new Uint8Array(32).fill(8));
    const key = `parley:${epoch}:tail:{${stream}}`;
    const entries = [1, 2, 3].map((seq) => message(stream, seq));
    node.append(entries);
    node.append([message(other, 9)]);
    await holds(node, stream, 0, 3);
    await holds(node, other, 8, 9);
    const [ofAnother] = await client.zrange(`parley:${epoch}:tail:{${other}}`, '0', '-1');
    const forgeries = ['', 'garbage', JSON.stringify([message(stream, 2, 'forged')]), ofAnother as string];
    for (const [place, value] of forgeries.entries()) await client.zadd(key, String(place + 1), value);
    await client.zadd(key, '4', 'x'.repeat(2 * 1024 * 1024));
    stranger.append([message(stream, 3, 'of another secret')]);
    await vi.waitFor(async () => expect(await client.zcard(key)).toBe(7));
    expect(await reads(node, stream, 0, 3)).toEqual(entries);
    expect(await reads(node, stream, 0, 4)).toBeNull();
    expect([...node.refused].sort()).toEqual([
      ...Array.from({ length: 10 }, () => 'forged'),
      ...['oversized', 'oversized'],
    ]);
    // A genuine value at another place says what it said before.
    const [genuine] = (await client.zrange(key, '0', '-1')).filter((value) => value.includes('"seq":3'));
    await client.zadd(key, '100', genuine as string);
    expect(await reads(node, stream, 0, 3)).toEqual(entries);
    expect(await reads(node, stream, 99, 100)).toBeNull();
    // A key of another kind is as good as none.
    await client.set(key, 'x');
    expect(await reads(node, stream, 0, 3)).toBeNull();
  });

  test('two entries that claim one place are both mistrusted', async () => {
    const [epoch, stream] = [newId(), newId()];
    const [near, far] = [await aNode(found.url, epoch), await aNode(found.url, epoch)];
    near.append([1, 2, 3].map((seq) => message(stream, seq)));
    await holds(far, stream, 0, 3);
    far.append([message(stream, 2, 'of a log that was thrown away')]);
    await vi.waitFor(async () => expect(await reads(near, stream, 0, 3)).toBeNull());
    near.append([message(stream, 4)]);
    await holds(far, stream, 3, 4);
    expect(await reads(far, stream, 0, 4)).toBeNull();
  });

  test('a channel takes what its latest entries take, and leaves when nobody uses it', async () => {
    const [epoch, stream] = [newId(), newId()];
    const node = await aNode(found.url, epoch);
    const key = `parley:${epoch}:tail:{${stream}}`;
    for (let seq = 1; seq <= 400; seq += 1) node.append([message(stream, seq, 'x'.repeat(200))]);
    await vi.waitFor(async () => expect((await reads(node, stream, 300, 400))?.length).toBe(100));
    await vi.waitFor(async () => expect(await client.memory('USAGE', key, 'SAMPLES', 0)).toBeLessThan(150_000));
    for (let seq = 401; seq <= 520; seq += 1) {
      node.append([message(stream, seq)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await holds(node, stream, 420, 520);
    expect(await client.zcard(key)).toBeLessThanOrEqual(100);
    const ttl = await client.pttl(key);
    expect(ttl).toBeGreaterThan(23 * 3_600_000);
    expect(ttl).toBeLessThanOrEqual(24 * 3_600_000);
  });

  test('what was read from Redis once is remembered nearer', async () => {
    const [epoch, stream] = [newId(), newId()];
    const writer = await aNode(found.url, epoch);
    const reader = await aNode(found.url, epoch, SECRET, new MemoryTail());
    writer.append([1, 2, 3].map((seq) => message(stream, seq)));
    await holds(reader, stream, 0, 3);
    await client.del(`parley:${epoch}:tail:{${stream}}`);
    expect((await reads(reader, stream, 0, 3))?.length).toBe(3);
    expect(await reads(writer, stream, 0, 3)).toBeNull();
  });
});

describe('on a Redis that fails', () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test('[D3] one that is full or refuses to remember still carries hints, and is complained of once', async () => {
    const [epoch, stream] = [newId(), newId()];
    const [near, far] = [await aNode(redis.url, epoch), await aNode(redis.url, epoch)];
    far.bus.follow(stream);
    await vi.waitFor(() => {
      near.append([message(stream, 1)]);
      expect(far.heard.length).toBeGreaterThan(0);
    });
    const stages: readonly [number, [string, ...string[]], [string, ...string[]]][] = [
      [2, ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
      [3, ['ACL', 'SETUSER', 'default', '-eval'], ['ACL', 'SETUSER', 'default', '+eval']],
    ];
    for (const [seq, forbid, permit] of stages) {
      await redis.command(...forbid);
      near.append([message(stream, seq)]);
      await vi.waitFor(() => expect(far.heard.at(-1)?.seq).toBe(seq));
      expect(await reads(far, stream, seq - 1, seq)).toBeNull();
      await redis.command(...permit);
    }
    near.append([message(stream, 4)]);
    await holds(far, stream, 3, 4);
    expect(near.lines.length).toBe(1);
    expect(near.lines[0]).toContain('could not be kept');
  });

  test('a flush or a restart forgets, one that is out of reach says nothing, and nobody waits long', async () => {
    const [epoch, stream] = [newId(), newId()];
    const node = await aNode(redis.url, epoch);
    node.append([message(stream, 1)]);
    await holds(node, stream, 0, 1);
    await redis.command('FLUSHALL');
    expect(await reads(node, stream, 0, 1)).toBeNull();
    node.append([message(stream, 2)]);
    await holds(node, stream, 1, 2);
    redis.pause();
    const asked = performance.now();
    expect(await reads(node, stream, 1, 2)).toBeNull();
    expect(await reads(node, stream, 1, 2)).toBeNull();
    expect(performance.now() - asked).toBeLessThan(1_000);
    redis.resume();
    await holds(node, stream, 1, 2);
    await redis.kill();
    expect(await reads(node, stream, 1, 2)).toBeNull();
    await redis.start();
    await vi.waitFor(() => expect(node.bus.isUp()).toBe(true), 5_000);
    node.append([message(stream, 3)]);
    await holds(node, stream, 2, 3);
  });
});
