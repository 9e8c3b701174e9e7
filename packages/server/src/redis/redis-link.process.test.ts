import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type OwnRedis, startRedis } from '../test/redis-engine.ts';
import { freePort } from '../test/server-process.ts';
import { RedisLink } from './redis-link.ts';

function aLink(url: string) {
  const lines: { level: string; msg: string }[] = [];
  const link = new RedisLink(url, pino({ level: 'trace' }, { write: (line) => lines.push(JSON.parse(line)) }));
  return { link, lines };
}

describe('the link to Redis', () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test('one that answers is waited for as long as it takes, and not told of', async () => {
    const { link, lines } = aLink(`${redis.url}/3`);
    const started = performance.now();
    await link.settled(5_000);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect([link.isUp(), link.warnings, lines]).toEqual([true, [], []]);
    link.close();
  });

  test('one that is not there is told of once, with where and why', async () => {
    const port = await freePort();
    const { link, lines } = aLink(`redis://127.0.0.1:${port}`);
    await link.settled(100);
    const sentence = expect.stringMatching(new RegExp(`^Redis at 127.0.0.1:${port} \\(REDIS_URL\\).*ECONNREFUSED`));
    expect(lines.map(({ msg }) => msg)).toEqual([sentence]);
    expect(link.warnings).toEqual([sentence]);
    link.close();
  });

  test('one that hangs up again and again is told of once', async () => {
    let accepted = 0;
    const rude = createServer((socket) => {
      accepted += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(rude, 'listening');
    const { link, lines } = aLink(`redis://127.0.0.1:${(rude.address() as AddressInfo).port}`);
    await link.settled(100);
    await vi.waitFor(() => expect(accepted).toBeGreaterThan(7), 5_000);
    expect(lines.length).toBe(1);
    link.close();
    rude.close();
  });

  test('a node that was busy itself does not blame Redis', async () => {
    const { link, lines } = aLink(redis.url);
    await link.settled(5_000);
    const answer = link.commands.ask((client) => client.ping());
    const busyUntil = performance.now() + 700;
    while (performance.now() < busyUntil);
    expect(await answer).toBe('PONG');
    expect([link.isUp(), lines]).toEqual([true, []]);
    link.close();
  });

  test('the reason never holds the password, and the right one works', async () => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'hunter2-is/right');
    const withCredentials = (credentials: string) => redis.url.replace('//', `//${credentials}`);
    for (const [credentials, reason] of [
      [':hunter2-is-wrong@', 'WRONGPASS'],
      ['somebody:hunter2-is-wrong@', 'WRONGPASS'],
      ['', 'NOAUTH'],
    ] as const) {
      const { link, lines } = aLink(withCredentials(credentials));
      await link.settled(300);
      link.close();
      expect(lines.length).toBe(1);
      expect(lines[0]?.msg).toContain(reason);
      expect(JSON.stringify(lines)).not.toContain('hunter2');
    }
    const { link } = aLink(withCredentials(':hunter2-is%2Fright@'));
    await link.settled(2_000);
    expect(link.isUp()).toBe(true);
    link.close();
  });

  test('one that takes connections and never says a word is given up, again and again', async () => {
    let accepted = 0;
    const mute = createServer((socket) => {
      accepted += 1;
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { link } = aLink(`redis://127.0.0.1:${(mute.address() as AddressInfo).port}`);
    await link.settled(100);
    await vi.waitFor(() => expect(accepted).toBeGreaterThanOrEqual(4), 10_000);
    expect(link.isUp()).toBe(false);
    link.close();
    mute.close();
  });

  test('rediss:// speaks TLS, to the host by its name', async () => {
    const heard = Promise.withResolvers<Buffer>();
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data) => heard.resolve(data));
    }).listen(0, 'localhost');
    await once(server, 'listening');
    const { link } = aLink(`rediss://localhost:${(server.address() as AddressInfo).port}`);
    const hello = await heard.promise;
    // A record of a handshake (RFC 8446 §5.1) with the server's name in it.
    expect(hello[0]).toBe(22);
    expect(hello.includes('localhost')).toBe(true);
    link.close();
    server.close();
  });
});
