import { join } from 'node:path';
import { SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import type { LoadCommands } from '../load/commands.ts';
import type { Conversation } from '../load/rooms.ts';
import { BODY_BYTES } from '../load/send-frame.ts';
import { bottleneck, describeShares, isDisturbed, observe, type Usage } from '../measure/bottleneck.ts';
import { median } from '../measure/statistics.ts';
import type { Outcome } from '../report/outcome.ts';
import type { Row } from '../report/row.ts';
import { type BenchWorker, startWorker } from '../subjects/bench-worker.ts';
import { type BenchRedis, openPostgres, openRedis } from '../subjects/engines.ts';
import { makeFolder, type ParleyServer, removeFolder, startParley } from '../subjects/parley-server.ts';
import { readCommits } from '../subjects/read-commits.ts';
import { SEEDED_SECRET, type Seeded, seed } from '../subjects/seed.ts';

const MOST_MILLIS = 50;
const ROOMS = 100;
const PEOPLE = 1_000;
const FIRST_RATE = 400;
const STEP = 1.3;
const STEP_SECONDS = 3;
/**
 * A rate is beyond the knee when the slowest hundredth of its deliveries takes longer than this, twice. Batches grow with
 * the load, so far more gets through beyond it, but it waits.
 */
const KNEE_MILLIS = 100;
const ATTEMPTS = 2;
const WARM_UP_SECONDS = 3;
const ROUNDS = 3;
const ROUND_SECONDS = 4;

interface Cluster {
  readonly sending: ParleyServer;
  readonly receiving: ParleyServer;
  readonly redis: BenchRedis;
  readonly partners: Readonly<Record<string, number>>;
  readonly generator: BenchWorker<LoadCommands>;
}

interface Round extends Conversation {
  readonly rate: number;
  readonly usage: Usage;
}

interface PacedRound extends Round {
  readonly redisCommands: number;
  readonly messagesPerCommit: number;
}

/** W10: from one node's sender to another node's readers. */
export async function measureTwoNodes(): Promise<Outcome> {
  const postgres = await openPostgres();
  const redis = await openRedis();
  const folders = [makeFolder(), makeFolder()] as const;
  const settings = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, PARLEY_SECRET: SEEDED_SECRET };
  const servers: ParleyServer[] = [];
  const generator = startWorker<LoadCommands>(join(import.meta.dirname, '../load/generator-process.ts'));
  try {
    const seeded = await seed(folders[0], settings, { people: PEOPLE, rooms: ROOMS, roomsEach: 1 });
    const sending = await startParley(settings, folders[0]);
    servers.push(sending);
    const receiving = await startParley(settings, folders[1]);
    servers.push(receiving);
    await generator.ask('furnish', {
      path: SOCKET_PATH,
      subprotocol: SUBPROTOCOL,
      rooms: roomsOf(seeded, sending, receiving),
    });
    const partners = { 'sending node': sending.pid, PostgreSQL: postgres.pid, Redis: redis.pid };
    const cluster: Cluster = { sending, receiving, redis, partners, generator };
    await generator.ask('converse', { seconds: WARM_UP_SECONDS, rate: FIRST_RATE });
    const repairsBefore = await readCounter(receiving, 'parley_repairs_total');
    const { knee, steps } = await findKnee(cluster);
    const paced: PacedRound[] = [];
    const calm = () => paced.filter(({ usage }) => !isDisturbed(usage));
    while (calm().length < ROUNDS && paced.length < 2 * ROUNDS) paced.push(await pace(cluster, knee.rate / 2));
    const repairs = (await readCounter(receiving, 'parley_repairs_total')) - repairsBefore;
    return outcomeOf({ knee, steps, paced: calm().length > 0 ? calm() : paced, repairs });
  } finally {
    await Promise.all([...servers.map((server) => server.stop()), generator.stop()]);
    await Promise.all([postgres.close(), redis.close()]);
    for (const dataFolder of folders) removeFolder({ dataFolder });
  }
}

/** The first member of each room writes on one node, the others read on the other. */
function roomsOf({ rooms }: Seeded, sending: ParleyServer, receiving: ParleyServer) {
  return rooms.map(({ channelId, members: [writer, ...readers] }) => ({
    channelId,
    writer: { port: sending.port, token: writer?.token ?? '' },
    readers: readers.map(({ token }) => ({ port: receiving.port, token })),
  }));
}

async function converse({ receiving, partners, generator }: Cluster, seconds: number, rate: number): Promise<Round> {
  const pids = { server: receiving.pid, generator: generator.pid, partners };
  const { result, usage } = await observe(pids, () => generator.ask('converse', { seconds, rate }));
  return { ...result, rate, usage };
}

/** Raises the rate step by step as long as deliveries keep up with it. */
async function findKnee(cluster: Cluster): Promise<{ knee: Round; steps: readonly Round[] }> {
  const steps: Round[] = [];
  let knee: Round | null = null;
  for (let rate = FIRST_RATE; ; rate = Math.round(rate * STEP)) {
    let kept: Round | null = null;
    for (let attempt = 1; attempt <= ATTEMPTS && !kept; attempt += 1) {
      const step = await converse(cluster, STEP_SECONDS, rate);
      steps.push(step);
      if (step.refused === 0 && step.receiveMillis.p99 <= KNEE_MILLIS) kept = step;
    }
    if (kept) knee = kept;
    else if (knee) return { knee, steps };
    else throw new Error(`The cluster does not even keep up with ${FIRST_RATE} messages a second.`);
  }
}

async function pace(cluster: Cluster, rate: number): Promise<PacedRound> {
  const commands = await cluster.redis.countCommands();
  const before = await readCommits(cluster.sending);
  const round = await converse(cluster, ROUND_SECONDS, rate);
  const after = await readCommits(cluster.sending);
  return {
    ...round,
    redisCommands: (await cluster.redis.countCommands()) - commands,
    messagesPerCommit: (after.messages - before.messages) / (after.commits - before.commits),
  };
}

async function readCounter(server: ParleyServer, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await server.readMetrics())?.[1]);
}

interface Findings {
  readonly knee: Round;
  readonly steps: readonly Round[];
  readonly paced: readonly PacedRound[];
  readonly repairs: number;
}

function outcomeOf(findings: Findings): Outcome {
  const { knee, steps, paced, repairs } = findings;
  return {
    rows: rowsOf(findings),
    method: {
      ours:
        'two nodes of the real server on one PostgreSQL (fsync and synchronous_commit on) and one Redis; everything, the ' +
        'generator included, on one machine',
      people:
        `${ROOMS} private channels of ${PEOPLE / ROOMS}: one member of each writes by a socket of one node, the others ` +
        'read by sockets of the other node, so that every delivery to a reader crosses',
      latency: 'open loop; from the moment a message was due until a reader had it, over all messages and readers',
      knee:
        `rates from ${FIRST_RATE}/s, each ${STEP} times the one before, ${STEP_SECONDS} s each; the last at which nothing ` +
        `was refused and p99 stayed below ${KNEE_MILLIS} ms, in one of ${ATTEMPTS} attempts`,
      paced: `half the knee, ${ROUNDS} rounds of ${ROUND_SECONDS} s, the median of each figure`,
      cpu: 'of whole processes, nothing subtracted; a delivery is one message at one reader of the other node',
      seeding:
        "accounts, sessions and channels are made by the store's own operations before the start, without passwords; the " +
        'access tokens are signed with the secret that both nodes have',
      bodyBytes: BODY_BYTES,
    },
    notes: [
      `knee, ${knee.rate.toLocaleString('en')} messages/s, receiving node: ${describeShares([knee.usage])}`,
      `half of it, receiving node: ${describeShares(paced.map(({ usage }) => usage))}`,
      `ack p99 ${median(paced.map(({ ackMillis }) => ackMillis.p99)).toFixed(1)} ms; ` +
        `${median(paced.map(({ messagesPerCommit }) => messagesPerCommit)).toFixed(1)} messages a commit; ` +
        `the receiving node read the log ${repairs} times for want of a hint; ${steps.length} steps`,
    ],
    raw: findings,
  };
}

function rowsOf({ knee, steps, paced }: Findings): Row[] {
  const beyond = steps.at(-1) as Round;
  const atHalf = `two nodes, half the knee, ${Math.round(knee.rate / 2).toLocaleString('en')} messages/s`;
  const row = (metric: string, unit: string, of: (round: PacedRound) => number, target: number | null = null): Row => ({
    ...{ scenario: 'W10', case: atHalf, metric, unit, ours: median(paced.map(of)), floor: null, ratio: null, target },
    ...{ better: 'lower', limitedBy: 'the pace' },
  });
  const cpuPerMessage = (name: string) => (round: PacedRound) => (round.usage.partners[name]?.cpu ?? 0) / round.sent;
  return [
    {
      ...{ scenario: 'W10', case: 'two nodes, knee', metric: 'messages', unit: '1/s', ours: knee.rate },
      ...{ floor: null, ratio: null, target: null, better: 'higher' },
      limitedBy: bottleneck(beyond.usage, 'commits (waiting for fsync)'),
    },
    row('publish → receive p50', 'ms', ({ receiveMillis }) => receiveMillis.p50),
    row('publish → receive p99', 'ms', ({ receiveMillis }) => receiveMillis.p99, MOST_MILLIS),
    row('receiving node, CPU per cross-node delivery', 'µs', ({ usage, deliveries }) => usage.cpu.total / deliveries),
    row('receiving node, CPU per message', 'µs', ({ usage, sent }) => usage.cpu.total / sent),
    row('sending node, CPU per message', 'µs', cpuPerMessage('sending node')),
    row('PostgreSQL, CPU per message', 'µs', cpuPerMessage('PostgreSQL')),
    row('Redis, CPU per message', 'µs', cpuPerMessage('Redis')),
    row('Redis, commands per message', 'commands', ({ redisCommands, sent }) => redisCommands / sent),
  ];
}
