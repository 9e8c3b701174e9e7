import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test, vi } from 'vitest';
import { chanceOf } from '../../../client/src/test/chance.ts';
import { type Cluster, type ClusterNode, startCluster } from '../test/cluster.ts';
import type { FrontDoor } from '../test/front-door.ts';
import { Traffic } from '../test/traffic.ts';

const EXITS_WITHIN_MS = 10_000;
const BACK_WITHIN_MS = 5_000;
const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);

let cluster: Cluster;
let near: ClusterNode;
let far: ClusterNode;
let traffic: Traffic;
let doors: FrontDoor[];

beforeAll(async () => {
  cluster = await startCluster();
  [near, far] = cluster.nodes as [ClusterNode, ClusterNode];
}, 300_000);
afterAll(() => cluster.close());

beforeEach(async () => {
  onTestFailed(() => console.error(`The seed was ${SEED}: PARLEY_TEST_SEED makes the same choices again.`));
  doors = await Promise.all([0, 0, 1, 1].map((first) => cluster.door(first)));
  traffic = await Traffic.between({
    nodes: cluster.nodes,
    doors: doors.map(({ url }) => url),
    chance: chanceOf(SEED),
    stored: cluster.stored,
  });
});
afterEach(() => traffic.close());

const statusOfClients = () => traffic.someone.map(({ device }) => device.client.getConnection().status);

const allAreBack = () =>
  vi.waitFor(() => expect(new Set(statusOfClients())).toEqual(new Set(['online'])), {
    timeout: BACK_WITHIN_MS,
    interval: 10,
  });

describe('two nodes under load', () => {
  test('[S1] [S2] [O1] [O2] [O3] [D1] [D2] restarted in turn, lose, double and reorder nothing', async () => {
    traffic.pour();
    await traffic.flow(100);
    for (const node of [near, far]) {
      const asked = performance.now();
      expect(await node.stop('SIGTERM')).toBe(0);
      expect(performance.now() - asked).toBeLessThan(EXITS_WITHIN_MS);
      await allAreBack();
      await traffic.flow(50);
      await node.start();
      await traffic.flow(50);
    }
    expect(await traffic.faults()).toEqual([]);
    expect(statusOfClients()).toEqual(['online', 'online', 'online', 'online']);
    for (const node of [near, far]) {
      expect(node.log().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    }
  });
});
