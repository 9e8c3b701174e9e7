import { createHmac, hkdfSync } from 'node:crypto';
import { type Entry, newId } from '@parley/protocol';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RedisLink } from '../redis/redis-link.ts';
import { type HintFault, SignedHints } from '../redis/signed-hints.ts';
import { findRedis, type OwnRedis, startRedis } from '../test/redis-engine.ts';
import { busContract } from './bus.contract.ts';
import { RedisBus } from './redis-bus.ts';

const [S, T, U, END] = [newId(), newId(), newId(), newId()];
const SECRET = new Uint8Array(32).fill(9);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A node on this Redis; those of one `epoch` belong together. */
async function aNode(url: string, epoch: string, secret = SECRET) {
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line) => lines.push(line) });
  const link = new RedisLink(url, logger);
  const refused: HintFault[] = [];
  const bus = new RedisBus(link, {
    ...{ hints: new SignedHints(secret, epoch), epoch, logger, onRefused: (fault) => refused.push(fault) },
  });
  const heard: Entry[] = [];
  /** The streams of which it was said that their hints arrive from now on. */
  const following: string[] = [];
  bus.onEntries((entries) => heard.push(...entries));
  bus.onFollowing((streams) => following.push(...streams));
  closing.push(async () => {
    await bus.close();
    link.close();
  });
  await link.settled(5_000);
  await vi.waitFor(() => expect(bus.isUp()).toBe(true));
  return { bus, link, heard, following, refused, lines };
}

type Node = Awaited<ReturnType<typeof aNode>>;

const isUp = ({ bus }: Node) => vi.waitFor(() => expect(bus.isUp()).toBe(true), 5_000);
const isDown = ({ bus }: Node) => vi.waitFor(() => expect(bus.isUp()).toBe(false), { timeout: 2_000, interval: 1 });
const follows = ({ following }: Node, stream: string) =>
  vi.waitFor(() => expect(following).toContain(stream), { interval: 1 });
const hears = ({ heard }: Node, seq: number) =>
  vi.waitFor(() => expect(heard.map((entry) => entry.seq)).toContain(seq), { timeout: 3_000, interval: 1 });

function entry(stream: string, seq: number): Entry {
  const event = { type: 'read.advanced' as const, channelId: newId(), seq, ordinal: seq };
  return { stream, seq, at: '2026-01-01T00:00:00.000Z', actor: null, event };
}

describe('on the Redis that there is', () => {
  let found: Awaited<ReturnType<typeof findRedis>>;
  beforeAll(async () => {
    found = await findRedis();
  });
  afterAll(() => found.stop());

  busContract('Redis', async (nodes) => {
    const epoch = newId();
    return Promise.all(Array.from({ length: nodes }, async () => (await aNode(found.url, epoch)).bus));
  });

  test('hints cross within milliseconds, and whole, however many and large they are', async () => {
    const epoch = newId();
    const [near, far] = [await aNode(found.url, epoch), await aNode(found.url, epoch)];
    far.bus.follow(S);
    await follows(far, S);
    const message = (seq: number): Entry => ({
      ...entry(S, seq),
      event: {
        type: 'message.posted',
        message: {
          ...{ id: newId(), channelId: newId(), seq, ordinal: seq, authorId: newId(), rev: 0 },
          ...{ body: '\u{1F60A}'.repeat(4_000), createdAt: '2026-01-01T00:00:00.000Z' },
        },
      },
    });
    const entries = Array.from({ length: 200 }, (_, index) => message(index + 1));
    near.bus.publish(entries);
    await hears(far, 200);
    expect(far.heard).toEqual(entries);
    const times = [];
    for (const seq of [201, 202, 203, 204, 205]) {
      const started = performance.now();
      near.bus.publish([entry(S, seq)]);
      await hears(far, seq);
      times.push(performance.now() - started);
    }
    expect(Math.min(...times)).toBeLessThan(25);
    expect([far.refused, near.refused]).toEqual([[], []]);
  });

  test('thousands of streams can be followed, and let go again', async () => {
    const epoch = newId();
    const [near, far] = [await aNode(found.url, epoch), await aNode(found.url, epoch)];
    const streams = Array.from({ length: 3_500 }, () => newId());
    for (const stream of streams) far.bus.follow(stream);
    await vi.waitFor(() => expect(far.following.length).toBe(streams.length), 5_000);
    near.bus.publish(streams.map((stream) => entry(stream, 1)));
    await vi.waitFor(() => expect(far.heard.length).toBe(streams.length), 5_000);
    for (const stream of streams) far.bus.unfollow(stream);
    far.bus.follow(END);
    await follows(far, END);
    const client = new Redis(found.url);
    closing.push(() => client.disconnect());
    expect(await client.pubsub('CHANNELS', `parley:${epoch}:*`)).toEqual([`parley:${epoch}:{${END}}`]);
  });

  test('garbage, forged and foreign messages are counted and ignored, and complained of once', async () => {
    const epoch = newId();
    const [near, far] = [await aNode(found.url, epoch), await aNode(found.url, epoch)];
    const other = await aNode(found.url, epoch, new Uint8Array(32).fill(8));
    far.bus.follow(S);
    far.bus.follow(T);
    await follows(far, T);
    const client = new Redis(found.url);
    closing.push(() => client.disconnect());
    const channel = `parley:${epoch}:{${S}}`;
    const recorded: Buffer[] = [];
    const recorder = new Redis(found.url);
    closing.push(() => recorder.disconnect());
    recorder.on('messageBuffer', (_, message) => recorded.push(message));
    await recorder.subscribe(channel);

    const key = (secret: Uint8Array, ofEpoch: string) =>
      new Uint8Array(hkdfSync('sha256', secret, ofEpoch, 'parley: hints between nodes', 32));
    const signed = (by: Uint8Array, text: string, stream = S) =>
      createHmac('sha256', by).update(`${stream}\n`).update(text).digest('base64url') + text;
    const node = 'n'.repeat(22);
    const json = JSON.stringify([entry(S, 1)]);
    const right = key(SECRET, epoch);
    const forged = [
      '',
      'garbage',
      'x'.repeat(1_000),
      json,
      `${'A'.repeat(43)}${node}${json}`,
      `${'é'.repeat(43)}${node}${json}`,
      // Another secret, another database, another stream, another text.
      signed(key(new Uint8Array(32), epoch), node + json),
      signed(key(SECRET, newId()), node + json),
      signed(right, node + json, T),
      signed(right, node + json).replace('read.advanced', 'read.Advanced'),
    ];
    const invalid = [
      signed(right, node),
      signed(right, `${node}{}`),
      signed(right, `${node}[1]`),
      signed(right, `${node}[{"stream":"${S}","seq":1}]`),
      // A node of ours that says something of another stream than the channel's.
      signed(right, node + JSON.stringify([entry(T, 1)])),
      signed(right, node + JSON.stringify([{ ...entry(S, 1), event: { type: 'of.the.future' } }])),
    ];
    for (const message of [...forged, 'x'.repeat(2 * 1024 * 1024), ...invalid]) await client.publish(channel, message);
    other.bus.publish([entry(S, 1)]);
    const expected = [...forged.map(() => 'forged'), 'oversized', ...invalid.map(() => 'invalid'), 'forged'];
    await vi.waitFor(() => expect(far.refused).toEqual(expected));
    expect(far.heard).toEqual([]);
    expect(far.lines.length).toBe(1);
    expect(far.lines[0]).toContain('PARLEY_SECRET');
    // What our own nodes signed but this one does not understand makes it look into the log.
    expect(far.following.filter((stream) => stream === S).length).toBe(1 + invalid.length);

    // What was true once is true again, but on another stream it is a forgery.
    near.bus.publish([entry(S, 7)]);
    await hears(far, 7);
    const genuine = recorded.at(-1) as Buffer;
    await client.publish(`parley:${epoch}:{${T}}`, genuine);
    await vi.waitFor(() => expect(far.refused.length).toBe(expected.length + 1));
    expect(far.heard.map(({ seq }) => seq)).toEqual([7]);
  });
});

describe('on a Redis that fails', () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  async function aPair() {
    const epoch = newId();
    const [near, far] = [await aNode(redis.url, epoch), await aNode(redis.url, epoch)];
    far.bus.follow(S);
    await follows(far, S);
    far.following.length = 0;
    near.bus.publish([entry(S, 1)]);
    await hears(far, 1);
    return { near, far };
  }

  test('[D3] killed subscriptions are made anew, and heads are compared once they are', async () => {
    const { near, far } = await aPair();
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await isDown(far);
    expect(far.following).toEqual([]);
    await isUp(far);
    expect(far.following).toEqual([S]);
    near.bus.publish([entry(S, 2)]);
    await hears(far, 2);
  });

  test('[D3] a publisher that was cut off makes up for what it could not publish', async () => {
    const { near, far } = await aPair();
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for (const seq of [2, 3]) near.bus.publish([entry(S, seq)]);
    await hears(far, 3);
  });

  test('[D3] a restart is got over by itself, with one line for the outage and one for its end', async () => {
    const { near, far } = await aPair();
    await redis.kill();
    await Promise.all([isDown(near), isDown(far)]);
    near.bus.publish([entry(S, 2)]);
    far.bus.follow(T);
    far.bus.unfollow(T);
    far.bus.follow(U);
    expect(near.link.warnings).toEqual([expect.stringContaining('REDIS_URL')]);
    await redis.start();
    await Promise.all([isUp(near), isUp(far)]);
    expect(far.following.sort()).toEqual([S, U].sort());
    near.bus.publish([entry(S, 3), entry(U, 4)]);
    await hears(far, 3);
    await hears(far, 4);
    expect(near.link.warnings).toEqual([]);
    expect(near.lines.map((line) => JSON.parse(line).msg.split(':')[0])).toEqual([
      'Redis at 127.0.0.1',
      'Redis at 127.0.0.1',
    ]);
  });

  test('[D3] one that is stopped is noticed within a second, and trusted again when it goes on', async () => {
    const { near, far } = await aPair();
    redis.pause();
    const stopped = performance.now();
    near.bus.publish([entry(S, 2)]);
    await Promise.all([isDown(near), isDown(far)]);
    expect(performance.now() - stopped).toBeLessThan(1_000);
    // Each of the two connections finds out by itself.
    await vi.waitFor(() => expect(far.link.subscriptions.isUp()).toBe(false), { interval: 1 });
    far.bus.follow(T);
    redis.resume();
    await Promise.all([isUp(near), isUp(far)]);
    await vi.waitFor(() => expect(far.following).toEqual(expect.arrayContaining([S, T])));
    near.bus.publish([entry(T, 1)]);
    await hears(far, 2);
    await vi.waitFor(() => expect(far.heard).toContainEqual(expect.objectContaining({ stream: T, seq: 1 })));
  });

  test('[D3] a publisher that is refused makes up for it once it is not', async () => {
    const { near, far } = await aPair();
    await redis.command('ACL', 'SETUSER', 'default', '-publish');
    for (const seq of [2, 3]) near.bus.publish([entry(S, seq)]);
    await vi.waitFor(() => expect(near.lines).toEqual([expect.stringContaining('NOPERM')]));
    await redis.command('ACL', 'SETUSER', 'default', '+publish');
    await hears(far, 3);
  });

  test('a flush changes nothing', async () => {
    const { near, far } = await aPair();
    await redis.command('FLUSHALL');
    near.bus.publish([entry(S, 2)]);
    await hears(far, 2);
    expect(far.bus.isUp()).toBe(true);
  });

  test('a node that may not use the channels is not up, and becomes so when it may', async () => {
    const epoch = newId();
    await redis.command('ACL', 'SETUSER', 'default', 'resetchannels');
    const link = new RedisLink(redis.url, pino({ level: 'silent' }));
    const bus = new RedisBus(link, { hints: new SignedHints(SECRET, epoch), epoch, logger: pino({ level: 'silent' }) });
    closing.push(async () => {
      await bus.close();
      link.close();
    });
    bus.follow(S);
    await link.settled(2_000);
    await vi.waitFor(() => expect([link.isUp(), bus.isUp()]).toEqual([true, false]));
    await redis.command('ACL', 'SETUSER', 'default', 'allchannels');
    await vi.waitFor(() => expect(bus.isUp()).toBe(true), 5_000);
  });
});
