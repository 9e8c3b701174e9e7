import { type Entry, newId } from '@parley/protocol';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { busContract } from '../bus/bus.contract.ts';
import { RedisClusterBus } from '../bus/redis-cluster-bus.ts';
import { systemClock } from '../domain/clock.ts';
import { MemoryTail } from '../tail/memory-tail.ts';
import { RedisTail } from '../tail/redis-tail.ts';
import { message, tailContract } from '../tail/tail.contract.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { type OwnCluster, type OwnRedis, startRedis, startRedisCluster } from '../test/redis-engine.ts';
import { freePort } from '../test/server-process.ts';
import { MemoryThrottle } from '../throttle/memory-throttle.ts';
import { RedisThrottle } from '../throttle/redis-throttle.ts';
import { throttleContract } from '../throttle/throttle.contract.ts';
import { keySlot, SLOTS } from './key-slot.ts';
import { RedisCluster } from './redis-cluster.ts';
import { RedisLink } from './redis-link.ts';
import { refusalIn } from './refusal.ts';
import { SignedHints } from './signed-hints.ts';

const SECRET = new Uint8Array(32).fill(9);
const silent = pino({ level: 'silent' });
let servers: OwnCluster;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  servers = await startRedisCluster();
}, 30_000);
afterAll(() => servers.stop());
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function aCluster(logger = silent, url = servers.url): Promise<RedisCluster> {
  const cluster = new RedisCluster(url, logger);
  closing.push(() => cluster.close());
  await cluster.settled(5_000);
  return cluster;
}

/** A Parley node on the cluster, which remembers nothing by itself. */
async function aNode(epoch: string) {
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line).msg) });
  const cluster = await aCluster(logger);
  const hints = new SignedHints(SECRET, epoch);
  const tail = new RedisTail(cluster, { hints, near: new MemoryTail(-1), epoch });
  const bus = new RedisClusterBus(cluster, {
    hints,
    epoch,
    logger,
    keep: (pipeline, hint) => tail.keep(pipeline, hint),
  });
  const heard: Entry[] = [];
  const following: string[] = [];
  bus.onEntries((entries) => heard.push(...entries));
  bus.onFollowing((streams) => following.push(...streams));
  closing.unshift(() => bus.close());
  await vi.waitFor(() => expect(bus.isUp()).toBe(true), 5_000);
  return { cluster, bus, tail, heard, following, lines, append: (entries: readonly Entry[]) => bus.publish(entries) };
}

type Node = Awaited<ReturnType<typeof aNode>>;

/** A stream whose channel belongs to the nth server. */
function streamOn(server: number): string {
  const share = Math.ceil(SLOTS / 3);
  for (;;) {
    const stream = newId();
    if (Math.floor(keySlot(`{${stream}}`) / share) === server) return stream;
  }
}

const isUp = ({ bus }: Node) => vi.waitFor(() => expect(bus.isUp()).toBe(true), 8_000);
const isDown = ({ bus }: Node) => vi.waitFor(() => expect(bus.isUp()).toBe(false), { timeout: 2_000, interval: 1 });
const follows = ({ following }: Node, stream: string) => vi.waitFor(() => expect(following).toContain(stream), 5_000);
const hears = ({ heard }: Node, stream: string, seq: number) =>
  vi.waitFor(() => expect(heard).toContainEqual(expect.objectContaining({ stream, seq })), 5_000);

async function aPair(streams: readonly string[]) {
  const epoch = newId();
  const [near, far] = [await aNode(epoch), await aNode(epoch)];
  for (const stream of streams) far.bus.follow(stream);
  for (const stream of streams) await follows(far, stream);
  far.following.length = 0;
  return { near, far };
}

busContract('a Redis Cluster', async (nodes) => {
  const epoch = newId();
  return Promise.all(Array.from({ length: nodes }, async () => (await aNode(epoch)).bus));
});

tailContract('a Redis Cluster', async () => {
  const epoch = newId();
  return [await aNode(epoch), await aNode(epoch)];
});

describe('limits', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = new RedisCluster(servers.url, silent);
    await cluster.settled(5_000);
  });
  afterAll(() => cluster.close());

  throttleContract('a Redis Cluster', async () => {
    const clock = new FakeClock();
    // The first tag counts: here alone all keys share a slot with the clock.
    const prefix = `parley-test:{${newId()}}:`;
    const key = `${prefix}clock`;
    const show = () =>
      cluster.commandsFor(key)?.ask((client) => client.set(key, Math.round(clock.now() * 1_000), 'EX', 60));
    await show();
    return {
      throttle: new RedisThrottle(cluster, {
        ...{ prefix, logger: silent, clock, local: new MemoryThrottle(clock) },
        time: `{ 0, redis.call('GET', '${key}') }`,
      }),
      now: () => clock.monotonic(),
      advance: async (millis) => {
        clock.advance(millis);
        await show();
      },
    };
  });

  test('[T1] each key is counted where it is kept, once for all nodes', async () => {
    const prefix = `parley-test:${newId()}:`;
    const nodes = [cluster, await aCluster()].map(
      (redis) =>
        new RedisThrottle(redis, {
          prefix,
          logger: silent,
          clock: systemClock,
          local: new MemoryThrottle(systemClock),
        }),
    );
    const keys = Array.from({ length: 30 }, (_, index) => `person ${index}`);
    const limit = { count: 3, windowMs: 60_000 };
    const answers = await Promise.all(
      nodes.flatMap((node) => keys.flatMap((key) => [1, 2, 3].map(() => node.admit(key, limit)))),
    );
    expect(answers.filter(({ admitted }) => admitted).length).toBe(90);
    expect(new Set(keys.map((key) => cluster.linkFor(`${prefix}{${key}}`))).size).toBe(3);
  });
});

describe('hints over a cluster', () => {
  test('streams by the hundred are spread over its servers, followed and let go', async () => {
    const { near, far } = await aPair([]);
    const streams = Array.from({ length: 1_000 }, () => newId());
    for (const stream of streams) far.bus.follow(stream);
    await vi.waitFor(() => expect(far.following.length).toBe(streams.length), 10_000);
    near.bus.publish(streams.map((stream) => message(stream, 1)));
    await vi.waitFor(() => expect(far.heard.length).toBe(streams.length), 5_000);
    for (const stream of streams) far.bus.unfollow(stream);
    await vi.waitFor(async () => {
      for (const server of servers.nodes) expect(await server.command('PUBSUB', 'SHARDCHANNELS')).toEqual([]);
    }, 5_000);
  });

  test('[D3] a server that is lost is noticed within a second; the others go on, and it is found when it is back', async () => {
    const [lost, other] = [streamOn(0), streamOn(1)];
    const { near, far } = await aPair([lost, other]);
    const [server] = servers.nodes as [OwnRedis];
    await server.kill();
    const killed = performance.now();
    await Promise.all([isDown(near), isDown(far)]);
    expect(performance.now() - killed).toBeLessThan(1_000);
    near.bus.publish([message(lost, 1), message(other, 1)]);
    await hears(far, other, 1);
    expect(await far.tail.read({ stream: lost, after: 0, to: 1 })).toBeNull();
    expect(await far.tail.read({ stream: other, after: 0, to: 1 })).toEqual([message(other, 1)]);
    expect(far.cluster.warnings).toEqual([expect.stringContaining(new URL(server.url).host)]);
    // Until the others agree that it has failed.
    await vi.waitFor(
      async () => expect(await servers.nodes[1]?.command('CLUSTER', 'NODES')).toContain('master,fail '),
      5_000,
    );
    near.bus.publish([message(other, 2)]);
    await hears(far, other, 2);
    await server.start();
    await servers.isWhole();
    await Promise.all([isUp(near), isUp(far)]);
    // What was published before both were back is found by comparing the stream's head.
    expect(far.following).toEqual([lost]);
    near.bus.publish([message(lost, 2)]);
    await hears(far, lost, 2);
    expect(far.cluster.warnings).toEqual([]);
    expect(far.lines.filter((line) => line.includes('out of reach')).length).toBe(1);
  }, 30_000);

  test('[D3] one that is stopped is noticed within a second, and trusted again when it goes on', async () => {
    const stream = streamOn(2);
    const { near, far } = await aPair([stream]);
    const server = servers.nodes[2] as OwnRedis;
    server.pause();
    const stopped = performance.now();
    await Promise.all([isDown(near), isDown(far)]);
    expect(performance.now() - stopped).toBeLessThan(1_000);
    server.resume();
    await servers.isWhole();
    await Promise.all([isUp(near), isUp(far)]);
    near.bus.publish([message(stream, 2)]);
    await hears(far, stream, 2);
  }, 30_000);

  test('[D3] a slot that moves takes its streams along, compared once they are followed at their new place', async () => {
    const [moving, staying] = [streamOn(0), streamOn(0)];
    const { near, far } = await aPair([moving, staying]);
    const slot = String(keySlot(`{${moving}}`));
    const ids = (await Promise.all(servers.nodes.map((server) => server.command('CLUSTER', 'MYID')))) as string[];
    const [source, target] = servers.nodes as [OwnRedis, OwnRedis];
    const move = async (from: OwnRedis, to: OwnRedis, fromId: string, toId: string) => {
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
      const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[];
      for (const key of keys) await from.command('DEL', key);
      for (const server of [to, from]) await server.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    };
    await move(source, target, ids[0] as string, ids[1] as string);
    near.bus.publish([message(moving, 1), message(staying, 1)]);
    await follows(far, moving);
    await hears(far, staying, 1);
    near.bus.publish([message(moving, 2)]);
    await hears(far, moving, 2);
    await vi.waitFor(async () =>
      expect(await far.tail.read({ stream: moving, after: 1, to: 2 })).toEqual([message(moving, 2)]),
    );
    expect(far.following).toEqual([moving]);
    await move(target, source, ids[1] as string, ids[0] as string);
    await vi.waitFor(() => expect(far.following).toEqual([moving, moving]), 5_000);
    near.bus.publish([message(moving, 3)]);
    await hears(far, moving, 3);
    await Promise.all([isUp(near), isUp(far)]);
  }, 30_000);
});

test('what is no cluster is told of as such, and what is not there with where and why', async () => {
  const [single, blank] = await Promise.all([
    startRedis(),
    startRedis({ 'cluster-enabled': 'yes', 'cluster-port': String(await freePort()) }),
  ]);
  closing.push(() => Promise.all([single.stop(), blank.stop()]));
  for (const [url, reason] of [
    [`redis+cluster://${new URL(single.url).host}`, 'cluster support disabled'],
    [`redis+cluster://${new URL(blank.url).host}`, 'knows of nobody'],
    ['redis+cluster://127.0.0.1:1', 'ECONNREFUSED'],
  ] as const) {
    const lines: string[] = [];
    const cluster = new RedisCluster(
      url,
      pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line).msg) }),
    );
    await cluster.settled(700);
    expect([cluster.isUp(), cluster.links, cluster.linkFor('x')]).toEqual([false, [], null]);
    expect(lines).toEqual([expect.stringContaining(reason)]);
    expect(cluster.warnings).toEqual([expect.stringContaining(reason)]);
    cluster.close();
  }
});

test('a node of a cluster that is taken for a single Redis says what to write instead', async () => {
  const link = new RedisLink((servers.nodes[0] as OwnRedis).url, silent);
  closing.push(() => link.close());
  await link.settled(2_000);
  const asked = link.commands.ask((client) => client.get(`{${streamOn(1)}}`));
  expect(refusalIn(await asked.catch((error) => error))).toMatch(/^MOVED .*redis\+cluster:\/\//);
});

test('one of its nodes is enough to find the others, and a cluster that comes later is found', async () => {
  const port = new URL((servers.nodes[1] as OwnRedis).url).port;
  const cluster = await aCluster(silent, `redis+cluster://127.0.0.1:1,127.0.0.1:${port}`);
  expect([cluster.isUp(), cluster.links.length]).toEqual([true, 3]);
  await Promise.all(servers.nodes.map((server) => server.kill()));
  const early = new RedisCluster(servers.url, silent);
  closing.push(() => early.close());
  await early.settled(200);
  expect(early.isUp()).toBe(false);
  await Promise.all(servers.nodes.map((server) => server.start()));
  await servers.isWhole();
  await vi.waitFor(() => expect([early.isUp(), cluster.isUp()]).toEqual([true, true]), 8_000);
}, 30_000);

test('[D3] when a replica takes over, its streams are followed there', async () => {
  const stream = streamOn(0);
  const { near, far } = await aPair([stream]);
  const first = servers.nodes[0] as OwnRedis;
  const replica = await servers.addReplica(0);
  closing.push(() => replica.stop());
  await first.kill();
  await isDown(far);
  await replica.command('CLUSTER', 'FAILOVER', 'TAKEOVER');
  await follows(far, stream);
  await Promise.all([isUp(near), isUp(far)]);
  expect(far.cluster.linkFor(`{${stream}}`)?.commands.url).toBe(replica.url);
  near.bus.publish([message(stream, 5)]);
  await hears(far, stream, 5);
  expect(await far.tail.read({ stream, after: 4, to: 5 })).toEqual([message(stream, 5)]);
  expect([near.cluster.links.length, near.cluster.warnings]).toEqual([3, []]);
}, 30_000);
