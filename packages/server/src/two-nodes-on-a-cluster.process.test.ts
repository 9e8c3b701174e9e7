import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openStore } from './storage/open-store.ts';
import { RawSocket, register } from './test/people.ts';
import { type OwnCluster, startRedisCluster } from './test/redis-engine.ts';
import { startTestServer, type TestServer } from './test/test-server.ts';

/** Two whole servers on one database, with a Redis Cluster of their own between them. */
let folder: string;
let cluster: OwnCluster;
let near: TestServer;
let far: TestServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-two-on-cluster-'));
  cluster = await startRedisCluster();
  near = await start();
  far = await start();
}, 30_000);
afterAll(async () => {
  await Promise.all([near.close(), far.close()]);
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<TestServer> {
  const sqlitePath = join(folder, 'data', 'parley.db');
  const store = await openStore({
    storage: { dataDir: folder, sqlitePath, synchronous: 'full', allowWeakDurability: false },
  });
  return startTestServer({ folder, store, env: { REDIS_URL: cluster.url, PARLEY_THROTTLE_MESSAGES: '5/1s' } });
}

async function readiness({ url }: TestServer) {
  return (await (await fetch(`${url}/readyz`)).json()) as { status: string; warnings: string[] };
}
const isReady = (server: TestServer, status: 'ok' | 'degraded') =>
  vi.waitFor(async () => expect(await readiness(server)).toMatchObject({ status }), 8_000);

/** Sends in a channel at one server and tells how long after the answer the other one's people have it. */
async function crossing() {
  const [ana, bob] = await Promise.all([register(near.url), register(far.url)]);
  const channel = await ana.ask('POST', '/channels', { name: newId(), kind: 'private', members: [bob.username] });
  const socket = await RawSocket.signedIn(far.url, bob);
  const { seq } = await ana.ask('POST', `/channels/${channel.id}/messages`, { id: newId(), body: 'x' });
  const acknowledged = performance.now();
  await socket.frame((frame) => frame.type === 'entry' && frame.stream === channel.id && frame.seq === seq);
  socket.close();
  return { ana, bob, channelId: channel.id as string, millis: performance.now() - acknowledged };
}

describe('two servers with a Redis Cluster between them', () => {
  test('messages cross within 50 ms, and what the other remembers is shown at once', async () => {
    await isReady(near, 'ok');
    const times = [];
    for (let round = 0; round < 5; round += 1) times.push((await crossing()).millis);
    expect(times.sort((a, b) => a - b)[2]).toBeLessThan(50);
    const { ana, bob, channelId } = await crossing();
    await vi.waitFor(async () => {
      const { messages } = await bob.ask('GET', `/channels/${channelId}/messages`);
      expect(messages.map(({ body }: { body: string }) => body)).toEqual(['x']);
      expect(await far.metrics.render()).toMatch(/parley_tail_reads_total\{use="join",outcome="hit"\} [1-9]/);
    });
    const answers = await Promise.all(
      [near, far, near, far, near, far, near, far].map(async ({ url }) => {
        const headers = { Authorization: `Bearer ${ana.accessToken}`, 'Content-Type': 'application/json' };
        const body = JSON.stringify({ id: newId(), body: 'y' });
        return (await fetch(`${url}/api/v1/channels/${channelId}/messages`, { method: 'POST', headers, body })).status;
      }),
    );
    expect(answers.filter((status) => status === 429).length).toBeGreaterThanOrEqual(3);
  });

  test('[D3] with a server of the cluster killed, everything crosses within a second or so, and all heals', async () => {
    const [lost] = cluster.nodes;
    await lost?.kill();
    await isReady(far, 'degraded');
    expect((await readiness(far)).warnings).toEqual([expect.stringContaining(new URL(lost?.url ?? '').host)]);
    for (let round = 0; round < 4; round += 1) expect((await crossing()).millis).toBeLessThan(1_500);
    await lost?.start();
    await Promise.all([isReady(near, 'ok'), isReady(far, 'ok')]);
    expect((await crossing()).millis).toBeLessThan(500);
    for (const server of [near, far]) expect(await server.metrics.render()).toMatch(/^parley_gaps_total 0$/m);
  }, 30_000);
});
