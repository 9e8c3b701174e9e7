import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import type { BareInsertCommands } from '../floors/bare-insert-process.ts';
import type { LoadCommands } from '../load/commands.ts';
import type { IngestResult } from '../load/ingest.ts';
import { BODY_BYTES } from '../load/send-frame.ts';
import { alternate, describeAlternation } from '../measure/alternate.ts';
import { bottleneck, isDisturbed, observe, type Usage } from '../measure/bottleneck.ts';
import { median, medianOfRatios } from '../measure/statistics.ts';
import type { Outcome } from '../report/outcome.ts';
import type { Row } from '../report/row.ts';
import { type BenchWorker, startWorker } from '../subjects/bench-worker.ts';
import { countLost } from '../subjects/count-lost.ts';
import { type ParleyServer, removeFolder, startParley } from '../subjects/parley-server.ts';
import { createChannel, registerPeople } from '../subjects/people.ts';

const LEAST_RATIO = 0.5;
const MOST_ACK_MILLIS = 50;
const SENDERS = 16;
const IN_FLIGHT_EACH = 64;
const ROUNDS = 4;
const ROUND_SECONDS = 3;
const PACED_ROUNDS = 3;
const PACED_SECONDS = 5;
const KILL_AFTER_MS = 2_000;
const REFERENCE_BATCH = 100;

interface PeakRound extends IngestResult {
  readonly usage: Usage;
  readonly perSecond: number;
  readonly messagesPerCommit: number;
}

interface FloorRound {
  readonly usage: Usage;
  readonly messages: number;
  readonly messagesPerCommit: number;
  readonly perSecond: number;
  readonly perSecondInHundreds: number;
}

/** W4: how many messages a second are acknowledged, that is committed with an fsync, and how long an ack takes. */
export async function measureIngest(): Promise<Outcome> {
  const server = await startParley();
  const generator = startWorker<LoadCommands>(join(import.meta.dirname, '../load/generator-process.ts'));
  const floors = [startBareInsert(), startBareInsert()] as const;
  let survivor: ParleyServer | null = null;
  try {
    const { token, senders } = await openChannels(server);
    await generator.ask('signIn', { port: server.port, path: SOCKET_PATH, subprotocol: SUBPROTOCOL, senders });
    await createFloorDatabases(server, floors);

    let messagesPerCommit = 1;
    const peak = await alternate(ROUNDS, {
      async ours() {
        const round = await saturate(server, generator);
        ({ messagesPerCommit } = round);
        return round;
      },
      floor: () => insertTheSame(server, generator, floors, Math.max(1, Math.round(messagesPerCommit))),
      isDisturbed: (...pair) => pair.some(({ usage }) => isDisturbed(usage)),
    });
    const rate = median(peak.ours.map(({ perSecond }) => perSecond)) / 2;
    const paced = await paceCalmly(server, generator, rate);

    const dying = generator.ask('saturateUntilClosed', { inFlight: IN_FLIGHT_EACH });
    await wait(KILL_AFTER_MS);
    await server.kill();
    const acked = await dying;
    survivor = await server.restart();
    const lost = await countLost(survivor, token, acked);

    return {
      rows: [...peakRows(peak), ...pacedRows(paced, rate), lostRow(acked.length, lost)],
      method: {
        ours: 'the real server on an empty folder: messages by socket, acknowledged after COMMIT (WAL, synchronous=FULL)',
        senders: `${SENDERS} people on one socket each, each in a private channel of their own: one delivery a message`,
        peak: `closed loop, ${IN_FLIGHT_EACH} unacknowledged messages per sender, ${ROUND_SECONDS} s a round`,
        floor:
          'the very rows that ours had just stored (entries and messages, tables and indexes copied from its schema), ' +
          "inserted by prepared statements in one process, WAL, synchronous=FULL, in commits of ours' average size",
        messagesPerCommit: Math.round(median(peak.ours.map((round) => round.messagesPerCommit))),
        alternation: describeAlternation(ROUNDS),
        latency:
          `open loop at half the peak (${Math.round(rate)}/s), ${PACED_ROUNDS} rounds of ${PACED_SECONDS} s, the median of ` +
          'each figure; an ack counts from the moment its message was due, so a stall is charged to all it delays',
        kill: 'kill -9 in the middle of the closed loop, restart on the same folder, every ack of that run sought in the log',
        bodyBytes: BODY_BYTES,
      },
      notes: describeRounds(peak.ours, paced),
      raw: { peak, paced, killed: { acked: acked.length, lost } },
    };
  } finally {
    await Promise.all([server.kill(), survivor?.stop(), generator.stop(), ...floors.map((floor) => floor.stop())]);
    removeFolder(server);
  }
}

function startBareInsert(): BenchWorker<BareInsertCommands> {
  return startWorker<BareInsertCommands>(join(import.meta.dirname, '../floors/bare-insert-process.ts'));
}

async function openChannels(server: ParleyServer) {
  const people = await registerPeople(server, 'sender', SENDERS);
  const senders: { token: string; channelId: string }[] = [];
  for (const person of people) {
    const { id } = await createChannel(server, person, `diary of ${person.user.username}`);
    senders.push({ token: person.accessToken, channelId: id });
  }
  const token = (channelId: string) => senders.find((sender) => sender.channelId === channelId)?.token ?? '';
  return { senders, token };
}

function databaseOf({ dataFolder }: ParleyServer): string {
  return join(dataFolder, 'data/parley.db');
}

async function createFloorDatabases(
  server: ParleyServer,
  floors: readonly BenchWorker<BareInsertCommands>[],
): Promise<void> {
  for (const [index, floor] of floors.entries()) {
    await floor.ask('create', { path: join(server.dataFolder, `floor-${index}.db`), like: databaseOf(server) });
  }
}

async function saturate(server: ParleyServer, generator: BenchWorker<LoadCommands>): Promise<PeakRound> {
  const before = await readCommits(server);
  const { result, usage } = await observe({ server: server.pid, generator: generator.pid }, () =>
    generator.ask('saturate', { seconds: ROUND_SECONDS, inFlight: IN_FLIGHT_EACH }),
  );
  const after = await readCommits(server);
  return {
    ...result,
    usage,
    perSecond: result.acked / result.seconds,
    messagesPerCommit: (after.messages - before.messages) / (after.commits - before.commits),
  };
}

/** Rounds at a fixed rate; those that other processes disturbed are replaced, up to twice the rounds asked for. */
async function paceCalmly(server: ParleyServer, generator: BenchWorker<LoadCommands>, rate: number) {
  const rounds: (IngestResult & { usage: Usage })[] = [];
  const calm = () => rounds.filter(({ usage }) => !isDisturbed(usage));
  while (calm().length < PACED_ROUNDS && rounds.length < 2 * PACED_ROUNDS) {
    rounds.push(await pace(server, generator, rate));
  }
  return calm().length > 0 ? calm() : rounds;
}

async function pace(server: ParleyServer, generator: BenchWorker<LoadCommands>, rate: number) {
  const { result, usage } = await observe({ server: server.pid, generator: generator.pid }, () =>
    generator.ask('pace', { seconds: PACED_SECONDS, rate }),
  );
  return { ...result, usage };
}

/** How many messages the server has committed so far, in how many commits, as its own metrics say. */
async function readCommits(server: ParleyServer): Promise<{ messages: number; commits: number }> {
  const metrics = await server.readMetrics();
  const read = (name: string) => {
    const value = new RegExp(`^parley_commit_batch_messages_${name} (\\S+)$`, 'm').exec(metrics)?.[1];
    if (value === undefined) throw new Error('The server does not tell how large its commits are.');
    return Number(value);
  };
  return { messages: read('sum'), commits: read('count') };
}

async function insertTheSame(
  server: ParleyServer,
  generator: BenchWorker<LoadCommands>,
  [inOurBatches, inHundreds]: readonly [BenchWorker<BareInsertCommands>, BenchWorker<BareInsertCommands>],
  messagesPerCommit: number,
): Promise<FloorRound> {
  const { messages } = await inOurBatches.ask('load', { from: databaseOf(server) });
  const { result: own, usage } = await observe({ server: inOurBatches.pid, generator: generator.pid }, () =>
    inOurBatches.ask('insert', { messagesPerCommit }),
  );
  await inHundreds.ask('load', { from: databaseOf(server) });
  const hundreds = await inHundreds.ask('insert', { messagesPerCommit: REFERENCE_BATCH });
  return {
    usage,
    messages,
    messagesPerCommit,
    perSecond: messages / own.seconds,
    perSecondInHundreds: messages / hundreds.seconds,
  };
}

function peakRows({ ours, floor }: { ours: readonly PeakRound[]; floor: readonly FloorRound[] }): Row[] {
  const acked = ours.map(({ perSecond }) => perSecond);
  const limits = ours.map(({ usage }) => bottleneck(usage, 'commits (inserting, waiting for fsync)'));
  const row = (caseName: string, bare: readonly number[], target: number | null): Row => ({
    scenario: 'W4',
    case: caseName,
    metric: 'acked messages',
    unit: '1/s',
    ours: median(acked),
    floor: median(bare),
    ratio: medianOfRatios(acked, bare),
    target,
    better: 'higher',
    limitedBy: limits[limits.length >> 1] as string,
  });
  return [
    row(
      'peak, floor in commits of our size',
      floor.map(({ perSecond }) => perSecond),
      LEAST_RATIO,
    ),
    row(
      `peak, floor in commits of ${REFERENCE_BATCH}`,
      floor.map(({ perSecondInHundreds }) => perSecondInHundreds),
      null,
    ),
  ];
}

function pacedRows(paced: readonly IngestResult[], rate: number): Row[] {
  const row = (quantile: 'p50' | 'p99', target: number | null): Row => ({
    scenario: 'W4',
    case: `half the peak, ${Math.round(rate).toLocaleString('en')} messages/s`,
    metric: `ack ${quantile}`,
    unit: 'ms',
    ours: median(paced.map(({ ackMillis }) => ackMillis[quantile])),
    floor: null,
    ratio: null,
    target,
    better: 'lower',
    limitedBy: 'the pace',
  });
  return [row('p50', null), row('p99', MOST_ACK_MILLIS)];
}

function lostRow(acked: number, lost: number): Row {
  return {
    scenario: 'W4',
    case: `kill -9 under load, ${acked.toLocaleString('en')} acked`,
    metric: 'acked messages lost',
    unit: 'messages',
    ours: lost,
    floor: null,
    ratio: null,
    target: 0,
    better: 'lower',
    limitedBy: 'the kill',
  };
}

function describeRounds(peak: readonly PeakRound[], paced: readonly { usage: Usage }[]): string[] {
  const describe = (name: string, usages: readonly Usage[]) => {
    const share = (of: (usage: Usage) => number) => `${Math.round(median(usages.map(of)) * 100)} %`;
    return (
      `${name}: event loop ${share((usage) => usage.serverMainShare)} of a core, ` +
      `storage thread ${share((usage) => usage.serverBusiestOtherShare)}, generator ${share((usage) => usage.generatorShare)}, ` +
      `everything else on the machine ${share((usage) => usage.othersShare)}`
    );
  };
  const batch = median(peak.map(({ messagesPerCommit }) => messagesPerCommit)).toFixed(0);
  const latency = median(peak.map(({ ackMillis }) => ackMillis.p99)).toFixed(1);
  return [
    `${describe(
      'peak',
      peak.map(({ usage }) => usage),
    )}; ${batch} messages a commit; ack p99 ${latency} ms`,
    describe(
      'half the peak',
      paced.map(({ usage }) => usage),
    ),
  ];
}
