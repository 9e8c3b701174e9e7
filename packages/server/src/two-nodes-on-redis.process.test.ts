import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openStore } from './storage/open-store.ts';
import { type Answer, type Person, RawSocket, register, requestJson } from './test/people.ts';
import { type OwnRedis, startRedis } from './test/redis-engine.ts';
import { startTestServer, type TestServer } from './test/test-server.ts';

/** Two whole servers on one database, with a Redis of their own that is stopped, killed and started as tests need. */
let folder: string;
let redis: OwnRedis;
let near: TestServer;
let far: TestServer;
const lines: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-two-on-redis-'));
  redis = await startRedis();
  near = await start();
  far = await start();
});
afterAll(async () => {
  await Promise.all([near.close(), far.close()]);
  await redis.stop();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<TestServer> {
  const sqlitePath = join(folder, 'data', 'parley.db');
  const store = await openStore({
    storage: { dataDir: folder, sqlitePath, synchronous: 'full', allowWeakDurability: false },
  });
  const logger = pino({ level: 'info' }, { write: (line) => lines.push(line) });
  return startTestServer({
    ...{ folder, store, logger },
    env: { REDIS_URL: redis.url, PARLEY_FLOOD: 'off', PARLEY_THROTTLE_MESSAGES: '5/1s' },
  });
}

async function readiness(server: TestServer) {
  const response = await fetch(`${server.url}/readyz`);
  return { httpStatus: response.status, ...((await response.json()) as { status: string; warnings: string[] }) };
}

const isReady = (server: TestServer, status: 'ok' | 'degraded') =>
  vi.waitFor(async () => expect(await readiness(server)).toMatchObject({ httpStatus: 200, status }), 5_000);

async function aChannel() {
  const [ana, bob] = await Promise.all([register(near.url), register(far.url)]);
  const channel = await ana.ask('POST', '/channels', { name: newId(), kind: 'private', members: [bob.username] });
  return { ana, bob, channelId: channel.id as string };
}

/** Sends at one server and tells how long after the acknowledgement somebody at the other has received it. */
async function crossing(from: TestServer, sender: Person, to: TestServer, receiver: Person, channelId: string) {
  const socket = await RawSocket.signedIn(to.url, receiver);
  try {
    const { status, body } = await sendAt(from, sender, channelId);
    const acknowledged = performance.now();
    expect(status).toBe(201);
    await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === body.seq);
    return performance.now() - acknowledged;
  } finally {
    socket.close();
  }
}

function sendAt({ url }: TestServer, { accessToken }: Person, channelId: string): Promise<Answer> {
  return requestJson(url, 'POST', `/channels/${channelId}/messages`, { id: newId(), body: 'x' }, accessToken);
}

/** Until messages cross as fast as they should; some of the tries may be over the limit. */
const isFastAgain = (...crossed: Parameters<typeof crossing>) =>
  vi.waitFor(async () => expect(await crossing(...crossed)).toBeLessThan(50), { timeout: 5_000, interval: 250 });

describe('two servers with a Redis between them', () => {
  test('a message reaches people at the other server within 50 ms', async () => {
    const { ana, bob, channelId } = await aChannel();
    const times = [];
    for (const [from, sender, to, receiver] of [
      [near, ana, far, bob],
      [far, bob, near, ana],
      [near, ana, far, ana],
      [far, bob, near, bob],
      [near, ana, far, bob],
    ] as const) {
      times.push(await crossing(from, sender, to, receiver, channelId));
    }
    const [, , median] = times.sort((a, b) => a - b);
    expect(median).toBeLessThan(50);
  });

  test('[T1] the limit holds over both servers and both doors', async () => {
    const { ana, channelId } = await aChannel();
    const sockets = await Promise.all([RawSocket.signedIn(near.url, ana), RawSocket.signedIn(far.url, ana)]);
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, (_, index) => {
        return sockets[index % 2]?.ask({ type: 'send', id: newId(), channelId, body: 'x' });
      }),
      ...Array.from({ length: 10 }, async (_, index) => (await sendAt(index % 2 ? near : far, ana, channelId)).body),
    ]);
    const refused = answers.filter(({ seq }) => seq === undefined);
    expect(answers.length - refused.length).toBe(5);
    for (const { code, retryAfterMs } of refused) {
      expect(code).toBe('throttled');
      expect(retryAfterMs).toBeLessThanOrEqual(1_000);
    }
    for (const socket of sockets) socket.close();
  });

  test.each([
    ['stopped', () => redis.pause(), () => redis.resume()],
    ['killed', () => redis.kill(), () => redis.start()],
  ] as const)(
    '[D3] with Redis %s, sends are acknowledged and cross within a second or so, and all heals by itself',
    async (_, end, begin) => {
      const { ana, bob, channelId } = await aChannel();
      await isReady(near, 'ok');
      await isReady(far, 'ok');
      lines.length = 0;
      await end();
      expect(await crossing(near, ana, far, bob, channelId)).toBeLessThan(1_500);
      await isReady(far, 'degraded');
      expect((await readiness(far)).warnings).toEqual([expect.stringContaining('REDIS_URL')]);
      expect(await crossing(far, bob, near, ana, channelId)).toBeLessThan(1_500);
      const sent = performance.now();
      await ana.ask('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'fast' });
      expect(performance.now() - sent).toBeLessThan(200);
      await begin();
      await isReady(near, 'ok');
      await isReady(far, 'ok');
      await isFastAgain(near, ana, far, bob, channelId);
      expect(lines.filter((line) => line.includes('out of reach')).length).toBe(2);
      expect(lines.filter((line) => line.includes('answers again')).length).toBe(2);
    },
  );

  test('[T1] with Redis gone the limit holds at each server by itself, and is not open at any', async () => {
    const { ana, channelId } = await aChannel();
    await isReady(near, 'ok');
    await redis.kill();
    await isReady(near, 'degraded');
    await isReady(far, 'degraded');
    const burst = (server: TestServer) => Promise.all(Array.from({ length: 12 }, () => sendAt(server, ana, channelId)));
    const started = performance.now();
    const bursts = await Promise.all([burst(near), burst(far)]);
    const windows = 1 + Math.floor((performance.now() - started) / 1_000);
    for (const answers of bursts) {
      const admitted = answers.filter(({ status }) => status === 201);
      expect(admitted.length).toBeGreaterThanOrEqual(5);
      expect(admitted.length).toBeLessThanOrEqual(5 * windows);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(answers.length - admitted.length);
    }
    await redis.start();
    await isReady(near, 'ok');
    await isReady(far, 'ok');
  });

  test('a server starts without Redis, says so, and finds it when it comes', async () => {
    await far.close();
    await redis.kill();
    const started = performance.now();
    far = await start();
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await readiness(far)).toMatchObject({ httpStatus: 200, status: 'degraded' });
    const { ana, bob, channelId } = await aChannel();
    expect(await crossing(near, ana, far, bob, channelId)).toBeLessThan(1_500);
    await redis.start();
    await isReady(far, 'ok');
    await isReady(near, 'ok');
    await isFastAgain(near, ana, far, bob, channelId);
  });

  test('[R1] joining a channel shows what other servers remember of it, and nothing that was forged', async () => {
    const { ana, bob, channelId } = await aChannel();
    const { epoch } = await bob.ask('GET', '/bootstrap');
    const sent: unknown[] = [];
    for (let index = 0; index < 3; index += 1) sent.push((await sendAt(near, ana, channelId)).body);
    const key = `parley:${epoch}:tail:{${channelId}}`;
    await redis.command(
      'ZADD',
      key,
      '5',
      `${'A'.repeat(65)}${JSON.stringify([{ ...(sent[0] as object), body: 'forged' }])}`,
    );
    const counted = async (sample: string) => {
      const lines = (await far.metrics.render()).split('\n');
      return Number(lines.find((line) => line.startsWith(`${sample} `))?.slice(sample.length));
    };
    const hits = () => counted('parley_tail_reads_total{use="join",outcome="hit"}');
    const messages = async () => (await bob.ask('GET', `/channels/${channelId}/messages`)).messages;
    const before = await hits();
    await vi.waitFor(async () => {
      expect(await messages()).toEqual(sent);
      expect(await hits()).toBeGreaterThan(before);
    });
    expect(await counted('parley_tail_refused_total{reason="forged"}')).toBeGreaterThan(0);
    // The database knows of a message that is not remembered any more.
    await redis.command('DEL', key);
    sent.push((await sendAt(near, ana, channelId)).body);
    await vi.waitFor(async () => expect(await redis.command('DEL', key)).toBe(1));
    const found = await hits();
    expect(await messages()).toEqual(sent);
    expect(await hits()).toBe(found);
  });

  test('[D1] no server was ever about to send a gap, and none refused a hint', async () => {
    for (const server of [near, far]) {
      const metrics = await server.metrics.render();
      expect(metrics).toMatch(/^parley_gaps_total 0$/m);
      expect(metrics).toMatch(/^parley_hints_refused_total\{reason="forged"\} 0$/m);
    }
  });

  test('whoever can write to Redis can put no word into anybody’s mouth', async () => {
    const { ana, bob, channelId } = await aChannel();
    const { epoch } = await bob.ask('GET', '/bootstrap');
    const socket = await RawSocket.signedIn(far.url, bob);
    const { body: real } = await sendAt(near, ana, channelId);
    await socket.frame((frame) => frame.type === 'entry' && frame.seq === real.seq);
    const sent = socket.entries(channelId).at(-1);
    const forged = { ...sent, type: undefined, seq: real.seq + 1 };
    forged.event = {
      ...sent.event,
      message: { ...sent.event.message, id: newId(), seq: real.seq + 1, body: 'forged' },
    };
    const text = JSON.stringify([forged]);
    for (const message of [text, `${'A'.repeat(65)}${text}`]) {
      expect(await redis.command('PUBLISH', `parley:${epoch}:{${channelId}}`, message)).toBe(1);
    }
    await vi.waitFor(async () => {
      expect(await far.metrics.render()).toMatch(/^parley_hints_refused_total\{reason="forged"\} 2$/m);
    });
    const { body: next } = await sendAt(near, ana, channelId);
    await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === next.seq);
    expect(next.seq).toBe(real.seq + 1);
    expect(JSON.stringify(socket.frames)).not.toContain('forged');
    socket.close();
  });
});
