import { newId } from '@parley/protocol';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../domain/clock.ts';
import { RedisConnection } from '../redis/redis-connection.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { findRedis, type OwnRedis, startRedis } from '../test/redis-engine.ts';
import { MemoryThrottle } from './memory-throttle.ts';
import { RedisThrottle } from './redis-throttle.ts';
import { throttleContract } from './throttle.contract.ts';
import type { Limit, Throttle } from './throttle.ts';

const silent = pino({ level: 'silent' });
const aPrefix = () => `parley-test:${newId()}:`;

async function connectedTo(url: string): Promise<RedisConnection> {
  const connection = new RedisConnection(url);
  await vi.waitFor(() => expect(connection.isUp()).toBe(true));
  return connection;
}

/** A node: on the connection's Redis, by the real clock. */
function nodeOn(connection: RedisConnection, prefix: string, logger = silent): RedisThrottle {
  return new RedisThrottle(
    { commandsFor: () => connection },
    {
      ...{ prefix, logger, clock: systemClock, local: new MemoryThrottle(systemClock) },
    },
  );
}

async function admitted(throttle: Throttle, times: number, limit: Limit, key = 'ana'): Promise<number> {
  const answers = await Promise.all(Array.from({ length: times }, () => throttle.admit(key, limit)));
  return answers.filter((answer) => answer.admitted).length;
}

describe('on the Redis that there is', () => {
  let found: Awaited<ReturnType<typeof findRedis>>;
  let connection: RedisConnection;
  let client: Redis;
  beforeAll(async () => {
    found = await findRedis();
    connection = await connectedTo(found.url);
    client = new Redis(found.url);
  });
  afterAll(async () => {
    client.disconnect();
    connection.close();
    await found.stop();
  });

  throttleContract('Redis', async () => {
    const clock = new FakeClock();
    const prefix = aPrefix();
    const show = () => client.set(`${prefix}clock`, Math.round(clock.now() * 1_000), 'EX', 60);
    await show();
    return {
      throttle: new RedisThrottle(
        { commandsFor: () => connection },
        {
          ...{ prefix, logger: silent, clock, local: new MemoryThrottle(clock) },
          time: `{ 0, redis.call('GET', '${prefix}clock') }`,
        },
      ),
      now: () => clock.monotonic(),
      advance: async (millis) => {
        clock.advance(millis);
        await show();
      },
    };
  });

  test('[T1] a clock that is set back makes nobody wait longer than a window, and frees nobody', async () => {
    const prefix = aPrefix();
    const show = (seconds: number) => client.set(`${prefix}clock`, seconds * 1_000_000, 'EX', 60);
    const clock = new FakeClock();
    const throttle = new RedisThrottle(
      { commandsFor: () => connection },
      {
        ...{ prefix, logger: silent, clock, local: new MemoryThrottle(clock) },
        time: `{ 0, redis.call('GET', '${prefix}clock') }`,
      },
    );
    const limit = { count: 2, windowMs: 10_000 };
    await show(10_000);
    expect(await admitted(throttle, 3, limit)).toBe(2);
    await show(6_400);
    expect(await throttle.admit('ana', limit)).toEqual({ admitted: false, retryAfterMs: 10_000 });
    await show(6_410);
    expect(await admitted(throttle, 3, limit)).toBe(2);
  });

  test('[T1] all nodes share one count, by the clock of Redis, and the wait that is told is right', async () => {
    const prefix = aPrefix();
    const other = await connectedTo(found.url);
    const nodes = [nodeOn(connection, prefix), nodeOn(other, prefix)];
    const limit = { count: 5, windowMs: 600 };
    const times: number[] = [];
    const started = performance.now();
    while (performance.now() - started < 2_000) {
      const answers = await Promise.all(nodes.map((node) => node.admit('ana', limit)));
      for (const answer of answers) if (answer.admitted) times.push(performance.now());
      const waits = answers.flatMap((answer) => (answer.admitted ? [] : [answer.retryAfterMs]));
      if (waits.length > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(...waits)));
    }
    other.close();
    // Told by this side's clock, an admission may seem earlier or later by the way that its answer took.
    for (const [index, time] of times.entries()) {
      const fifthBefore = times[index - 5];
      if (fifthBefore !== undefined) expect(time - fifthBefore).toBeGreaterThan(limit.windowMs - 50);
    }
    expect(times.length).toBeGreaterThanOrEqual(10);
    expect(times.length).toBeLessThanOrEqual(20);
  });

  test('keys expire by themselves', async () => {
    const prefix = aPrefix();
    await nodeOn(connection, prefix).admit('ana', { count: 2, windowMs: 500 });
    const expiry = await client.pttl(`${prefix}{ana}`);
    expect(expiry).toBeGreaterThan(500);
    expect(expiry).toBeLessThanOrEqual(11_000);
  });
});

describe('on a Redis that fails', () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const LIMIT: Limit = { count: 3, windowMs: 60_000 };

  test('[T1] while it is stopped, answers are fast and each node counts by itself; after that all count together', async () => {
    const connections = await Promise.all([connectedTo(redis.url), connectedTo(redis.url)]);
    const prefix = aPrefix();
    const [here, there] = connections.map((connection) => nodeOn(connection, prefix)) as [RedisThrottle, RedisThrottle];
    expect(await admitted(here, 2, LIMIT)).toBe(2);

    redis.pause();
    const started = performance.now();
    // What was counted with Redis counts without it, too.
    expect(await admitted(here, 20, LIMIT)).toBe(1);
    expect(performance.now() - started).toBeLessThan(1_000);
    const again = performance.now();
    expect(await admitted(here, 20, LIMIT, 'bob')).toBe(3);
    expect(await admitted(here, 20, LIMIT)).toBe(0);
    expect(performance.now() - again).toBeLessThan(200);

    redis.resume();
    await vi.waitFor(() => expect(connections.every((connection) => connection.isUp())).toBe(true), 5_000);
    // Neither those of before the outage nor those during it are forgotten where they were made.
    expect(await admitted(here, 5, LIMIT)).toBe(0);
    expect(await admitted(here, 5, LIMIT, 'bob')).toBe(0);
    // And the calls that Redis got to see too late have taken nothing there.
    expect(await admitted(there, 5, LIMIT)).toBe(1);
    expect(await admitted(there, 2, LIMIT, 'carol')).toBe(2);
    expect(await admitted(here, 2, LIMIT, 'carol')).toBe(1);
    for (const connection of connections) connection.close();
  });

  test('[T1] a restart that forgets everything frees nobody on the node where they were admitted', async () => {
    const connection = await connectedTo(redis.url);
    const node = nodeOn(connection, aPrefix());
    expect(await admitted(node, 5, LIMIT)).toBe(3);
    await redis.kill();
    expect(await admitted(node, 5, LIMIT)).toBe(0);
    await vi.waitFor(() => expect(connection.isUp()).toBe(false));
    await redis.start();
    await vi.waitFor(() => expect(connection.isUp()).toBe(true), 5_000);
    expect(await admitted(node, 5, LIMIT)).toBe(0);
    expect(await admitted(node, 5, LIMIT, 'bob')).toBe(3);
    connection.close();
  });

  test('a flush, of scripts too, is got over at once', async () => {
    const connection = await connectedTo(redis.url);
    const node = nodeOn(connection, aPrefix());
    expect(await admitted(node, 5, LIMIT)).toBe(3);
    await redis.command('FLUSHALL');
    await redis.command('SCRIPT', 'FLUSH');
    expect(await admitted(node, 5, LIMIT, 'bob')).toBe(3);
    expect(await redis.command('DBSIZE')).toBe(1);
    connection.close();
  });

  test('a Redis that refuses to count leaves it to the node, and is complained of once', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
    const connection = await connectedTo(redis.url);
    const node = nodeOn(connection, aPrefix(), logger);
    await redis.command('ACL', 'SETUSER', 'default', '-evalsha');
    expect(await admitted(node, 5, LIMIT)).toBe(3);
    expect(await admitted(node, 5, LIMIT)).toBe(0);
    await redis.command('ACL', 'SETUSER', 'default', '+evalsha');
    expect(await admitted(node, 5, LIMIT, 'bob')).toBe(3);
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain('NOPERM');
    connection.close();
  });
});
