import { newId } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test, vi } from 'vitest';
import { chanceOf } from '../../../client/src/test/chance.ts';
import { type Cluster, type ClusterNode, startCluster } from '../test/cluster.ts';
import { RawSocket } from '../test/people.ts';
import { Traffic } from '../test/traffic.ts';

/** Two nodes on engines that fall down under them, while people write to each other. */
const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);
/** How long a message may take to people on the other node while nodes cannot hear each other: a second or so. */
const MOST_LAG_MS = 1_500;
const REFUSED_WITHIN_MS = 5_000;
const ROUNDS = 5;

let cluster: Cluster;
let near: ClusterNode;
let far: ClusterNode;
let traffic: Traffic;

beforeAll(async () => {
  cluster = await startCluster();
  [near, far] = cluster.nodes as [ClusterNode, ClusterNode];
}, 300_000);
afterAll(() => cluster.close());

beforeEach(async () => {
  onTestFailed(() => console.error(`The seed was ${SEED}: PARLEY_TEST_SEED makes the same choices again.`));
  await cluster.allAre('ok');
  traffic = await Traffic.between({
    nodes: cluster.nodes,
    doors: [near.url, near.url, far.url, far.url],
    chance: chanceOf(SEED),
    stored: cluster.stored,
  });
});
afterEach(() => traffic.close());

/** Only those at one node write: what the others write themselves would show their node what it has missed. */
const atNear = () => traffic.someone.slice(0, 2);

/** How the clients' connections have changed since. */
function watchConnections(): () => string[] {
  const changes: string[] = [];
  for (const { name, device } of traffic.someone) {
    let { status } = device.client.getConnection();
    device.client.subscribe(() => {
      const now = device.client.getConnection().status;
      if (now !== status) changes.push(`${name}: ${now}`);
      status = now;
    });
  }
  return () => changes;
}

describe('Redis', () => {
  test.each([
    ['killed and started again', () => cluster.redis.kill(), () => cluster.redis.start()],
    ['stopped and continued', () => cluster.redis.pause(), () => cluster.redis.resume()],
  ] as const)(
    '[S1] [O1] [O2] [D1] [D2] [D3] %s under load: all is acknowledged and crosses within a second or so',
    async (_, fall, rise) => {
      const changes = watchConnections();
      const linesBefore = cluster.nodes.map((node) => node.log().length);
      traffic.pour(atNear());
      await traffic.flow(100);
      await fall();
      await cluster.allAre('degraded');
      const fallen = performance.now();
      await traffic.flow(200);
      await vi.waitFor(() => expect(performance.now() - fallen).toBeGreaterThan(2_000), { timeout: 5_000 });
      await rise();
      await cluster.allAre('ok');
      await traffic.flow(100);
      expect(await traffic.faults()).toEqual([]);
      expect(traffic.lagsSince(fallen).at(-1)).toBeLessThan(MOST_LAG_MS);
      expect(changes()).toEqual([]);
      // One line for the outage and one for its end.
      const lines = cluster.nodes.map((node, place) => node.log().slice(linesBefore[place]));
      for (const written of lines) expect(written.map(({ msg }) => msg)).toHaveLength(2);
    },
  );

  test('[D1] [D2] [D3] flushed, and robbed of its listeners, again and again under load', async () => {
    const changes = watchConnections();
    const linesBefore = cluster.nodes.map((node) => node.log().length);
    traffic.pour(atNear());
    for (let round = 0; round < ROUNDS; round += 1) {
      await traffic.flow(40);
      await cluster.redis.command('FLUSHALL');
      await traffic.flow(40);
      await cluster.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
    await cluster.allAre('ok');
    expect(await traffic.faults()).toEqual([]);
    expect(traffic.lagsSince(0).at(-1)).toBeLessThan(MOST_LAG_MS);
    expect(changes()).toEqual([]);
    for (const [place, node] of cluster.nodes.entries()) {
      expect(node.log().length - (linesBefore[place] ?? 0)).toBeLessThanOrEqual(2 * ROUNDS);
    }
  });
});

describe('PostgreSQL', () => {
  test('[S1] [S2] [S3] [O2] [O3] crashing and starting again under load: sockets stay open, nothing is lost or twice', async () => {
    const changes = watchConnections();
    const { auditor } = traffic;
    const channelId = traffic.channelIds[0] as string;
    const socket = await RawSocket.signedIn(near.url, auditor);
    traffic.pour();
    await traffic.flow(100);
    await cluster.postgres.stop('immediate');
    const acked = traffic.acked().length;
    const asked = performance.now();
    const [sent, posted, read, ready] = await Promise.all([
      socket.ask({ type: 'send', id: newId(), channelId: newId(), body: 'x' }),
      auditor.request('POST', `/channels/${newId()}/messages`, { id: newId(), body: 'x' }),
      auditor.request('GET', `/channels/${channelId}/messages`),
      near.readiness(),
    ]);
    expect(performance.now() - asked).toBeLessThan(REFUSED_WITHIN_MS);
    expect(sent).toMatchObject({ type: 'fail', code: 'unavailable' });
    expect([posted.status, posted.body.code, read.status, ready.httpStatus]).toEqual([503, 'unavailable', 503, 503]);
    expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    // An ack that was on its way when the engine fell may still have come.
    expect(traffic.acked().length - acked).toBeLessThan(50);
    await cluster.postgres.start();
    await traffic.flow(100);
    await cluster.allAre('ok');
    expect(await traffic.faults()).toEqual([]);
    expect(changes()).toEqual([]);
    expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    socket.close();
  });
});
