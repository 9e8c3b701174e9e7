import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { type Chance, chanceOf } from '../../../client/src/test/chance.ts';
import { type Cluster, type ClusterNode, startCluster } from '../test/cluster.ts';
import { type Person, requestJson } from '../test/people.ts';
import { Traffic } from '../test/traffic.ts';

const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);
const LASTS_MS = 12_000;
const LEAST_HEALTHY_MS = 100;
const MOST_HEALTHY_MS = 500;
const LEAST_ILL_MS = 100;
const MOST_ILL_MS = 1_800;

/** Something that breaks, and how it is mended. */
interface Fault {
  readonly name: string;
  strike(): unknown;
  heal(): unknown;
}

interface Blow {
  readonly fault: Fault;
  readonly healthyMs: number;
  readonly illMs: number;
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
}, 300_000);
afterAll(() => cluster.close());

function faultsOfEngines(): Fault[] {
  const { redis, postgres, administer } = cluster;
  return [
    { name: 'Redis is killed', strike: redis.kill, heal: redis.start },
    { name: 'Redis is stopped', strike: redis.pause, heal: redis.resume },
    { name: 'Redis is flushed', strike: () => redis.command('FLUSHALL'), heal: () => undefined },
    {
      name: 'listeners are thrown out',
      strike: () => redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      heal: () => undefined,
    },
    { name: 'PostgreSQL crashes', strike: () => postgres.stop('immediate'), heal: postgres.start },
    {
      name: 'connections to PostgreSQL are ended',
      strike: () => administer('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()'),
      heal: () => undefined,
    },
  ];
}

function faultsOfNodes(): Fault[] {
  return cluster.nodes.flatMap((node: ClusterNode) => [
    { name: `${node.name} is killed`, strike: () => node.stop('SIGKILL'), heal: node.start },
    { name: `${node.name} is restarted`, strike: () => node.stop('SIGTERM'), heal: node.start },
    { name: `${node.name} is stopped`, strike: node.pause, heal: node.resume },
  ]);
}

/** All that will happen to one part of the cluster, one thing after the other. */
function planned(chance: Chance, faults: readonly Fault[]): Blow[] {
  const plan: Blow[] = [];
  for (let total = 0; total < LASTS_MS; ) {
    const healthyMs = chance.between(LEAST_HEALTHY_MS, MOST_HEALTHY_MS);
    const illMs = chance.between(LEAST_ILL_MS, MOST_ILL_MS);
    plan.push({ fault: chance.pick(faults), healthyMs, illMs });
    total += healthyMs + illMs;
  }
  return plan;
}

async function carriedOut(plan: readonly Blow[], until: number): Promise<void> {
  for (const { fault, healthyMs, illMs } of plan) {
    await pause(healthyMs);
    if (performance.now() > until) return;
    await fault.strike();
    await pause(illMs);
    await fault.heal();
  }
}

/** Removes somebody and adds them again, for as long as it is wanted; whatever the nodes answer. */
async function comingsAndGoings(urls: readonly string[], traffic: Traffic, until: number): Promise<number> {
  const { auditor, channelIds } = traffic;
  const { user } = traffic.someone.at(-1)?.device ?? {};
  const path = `/channels/${channelIds[0]}/members`;
  const ask = (person: Person, method: string, where: string, body?: unknown) =>
    // Of two nodes one answers, or none.
    Promise.any(
      urls.map(async (url) => {
        const { status } = await requestJson(url, method, where, body, person.accessToken);
        if (status >= 500) throw new Error(String(status));
        return status;
      }),
    ).catch(() => 0);
  let done = 0;
  while (performance.now() < until) {
    if ((await ask(auditor, 'DELETE', `${path}/${user?.id}`)) === 204) done += 1;
    await pause(150);
    await ask(auditor, 'POST', path, { usernames: [user?.username] });
    await pause(150);
  }
  return done;
}

test('[S1] [S2] [S3] [O1] [O2] [O3] [D1] [D2] [D3] [D4] [A1] many faults at once leave nothing lost, doubled or reordered', async () => {
  const chance = chanceOf(SEED);
  const engines = planned(chance, faultsOfEngines());
  const nodes = planned(chance, faultsOfNodes());
  const told = (plan: readonly Blow[]) =>
    plan.map(({ fault, healthyMs, illMs }) => `${healthyMs} ms, then ${fault.name} for ${illMs} ms`).join('; ');
  console.info(`The seed is ${SEED}: PARLEY_TEST_SEED makes the same plan again.`);
  onTestFailed(() => console.error(`Engines: ${told(engines)}.\nNodes: ${told(nodes)}.`));

  const doors = await Promise.all([0, 0, 1, 1].map((first) => cluster.door(first)));
  const traffic = await Traffic.between({
    nodes: cluster.nodes,
    doors: doors.map(({ url }) => url),
    chance,
    stored: cluster.stored,
  });
  traffic.pour();
  await traffic.flow(50);
  const until = performance.now() + LASTS_MS;
  const [removals] = await Promise.all([
    comingsAndGoings(
      doors.slice(1, 3).map(({ url }) => url),
      traffic,
      until,
    ),
    carriedOut(engines, until),
    carriedOut(nodes, until),
  ]);
  await cluster.allAre('ok', 30_000);
  await traffic.flow(50);
  expect(await traffic.faults(30_000)).toEqual([]);
  expect(removals).toBeGreaterThan(0);
  console.info(`${traffic.sendings.length} messages, ${traffic.acked().length} acknowledged, ${removals} removals.`);
  traffic.close();
});
