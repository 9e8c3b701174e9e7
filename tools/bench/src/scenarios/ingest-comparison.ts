import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import type { BareInsertCommands } from '../floors/bare-insert.ts';
import type { LoadCommands } from '../load/commands.ts';
import type { IngestResult } from '../load/ingest.ts';
import { BODY_BYTES } from '../load/send-frame.ts';
import { alternate, describeAlternation } from '../measure/alternate.ts';
import { bottleneck, describeShares, isDisturbed, observe, type Usage } from '../measure/bottleneck.ts';
import { median, medianOfRatios } from '../measure/statistics.ts';
import type { Row } from '../report/row.ts';
import { type BenchWorker, startWorker } from '../subjects/bench-worker.ts';
import { countLost } from '../subjects/count-lost.ts';
import type { IngestSubject } from '../subjects/ingest-subject.ts';
import type { ParleyServer } from '../subjects/parley-server.ts';
import { createChannel, registerPeople } from '../subjects/people.ts';
import { readCommits } from '../subjects/read-commits.ts';

const LEAST_RATIO = 0.5;
const MOST_ACK_MILLIS = 50;
const SENDERS = 16;
const IN_FLIGHT_EACH = 128;
const ROUNDS = 4;
const ROUND_SECONDS = 3;
const PACED_ROUNDS = 3;
const PACED_SECONDS = 5;
const KILL_AFTER_MS = 2_000;
const REFERENCE_BATCH = 100;

interface PacedRound extends IngestResult {
  readonly usage: Usage;
}

interface PeakRound extends PacedRound {
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

export interface IngestComparison {
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
  readonly raw: unknown;
}

/** How the comparison is made, for the record of a run. */
export const INGEST_METHOD = {
  senders: `${SENDERS} people on one socket each, each in a private channel of their own: one delivery a message`,
  peak: `closed loop, ${IN_FLIGHT_EACH} unacknowledged messages per sender, ${ROUND_SECONDS} s a round`,
  alternation: describeAlternation(ROUNDS),
  latency:
    `open loop at half the peak, ${PACED_ROUNDS} rounds of ${PACED_SECONDS} s, the median of each figure; an ack counts ` +
    'from the moment its message was due, so a stall is charged to all it delays',
  kill: 'kill -9 in the middle of the closed loop, restart on the same folder, every ack of that run sought in the log',
  bodyBytes: BODY_BYTES,
} as const;

/** How many messages a second are acknowledged on one database, that is committed and synced, and how long an ack takes. */
export async function compareIngest(open: () => Promise<IngestSubject>): Promise<IngestComparison> {
  const subject = await open();
  const { engine, server } = subject;
  const generator = startWorker<LoadCommands>(join(import.meta.dirname, '../load/generator-process.ts'));
  const floors: BenchWorker<BareInsertCommands>[] = [];
  let survivor: ParleyServer | null = null;
  try {
    const { token, senders } = await openChannels(server);
    await generator.ask('signIn', { port: server.port, path: SOCKET_PATH, subprotocol: SUBPROTOCOL, senders });
    const inOurBatches = await subject.startFloor('floor_in_our_batches');
    floors.push(inOurBatches);
    const inHundreds = await subject.startFloor('floor_in_hundreds');
    floors.push(inHundreds);

    let messagesPerCommit = 1;
    const peak = await alternate(ROUNDS, {
      async ours() {
        const round = await saturate(subject, generator);
        ({ messagesPerCommit } = round);
        return round;
      },
      floor: () =>
        insertTheSame(subject, generator, { inOurBatches, inHundreds }, Math.max(1, Math.round(messagesPerCommit))),
      isDisturbed: (...pair) => pair.some(({ usage }) => isDisturbed(usage)),
    });
    const rate = median(peak.ours.map(({ perSecond }) => perSecond)) / 2;
    const paced = await paceCalmly(subject, generator, rate);

    const dying = generator.ask('saturateUntilClosed', { inFlight: IN_FLIGHT_EACH });
    await wait(KILL_AFTER_MS);
    await server.kill();
    const acked = await dying;
    survivor = await server.restart();
    const lost = await countLost(survivor, token, acked);

    return {
      rows: [...peakRows(engine, peak), ...pacedRows(engine, paced, rate), lostRow(engine, acked.length, lost)],
      notes: describeRounds(engine, peak.ours, paced),
      raw: { peak, paced, killed: { acked: acked.length, lost } },
    };
  } finally {
    await Promise.all([survivor?.stop(), generator.stop(), ...floors.map((floor) => floor.stop())]);
    await subject.close();
  }
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

function participants({ server, partners }: IngestSubject, generator: BenchWorker<LoadCommands>) {
  return { server: server.pid, generator: generator.pid, partners };
}

async function saturate(subject: IngestSubject, generator: BenchWorker<LoadCommands>): Promise<PeakRound> {
  const before = await readCommits(subject.server);
  const { result, usage } = await observe(participants(subject, generator), () =>
    generator.ask('saturate', { seconds: ROUND_SECONDS, inFlight: IN_FLIGHT_EACH }),
  );
  const after = await readCommits(subject.server);
  return {
    ...result,
    usage,
    perSecond: result.acked / result.seconds,
    messagesPerCommit: (after.messages - before.messages) / (after.commits - before.commits),
  };
}

/** Rounds at a fixed rate; those that other processes disturbed are replaced, up to twice the rounds asked for. */
async function paceCalmly(subject: IngestSubject, generator: BenchWorker<LoadCommands>, rate: number) {
  const rounds: PacedRound[] = [];
  const calm = () => rounds.filter(({ usage }) => !isDisturbed(usage));
  while (calm().length < PACED_ROUNDS && rounds.length < 2 * PACED_ROUNDS) {
    rounds.push(await pace(subject, generator, rate));
  }
  return calm().length > 0 ? calm() : rounds;
}

async function pace(subject: IngestSubject, generator: BenchWorker<LoadCommands>, rate: number): Promise<PacedRound> {
  const { result, usage } = await observe(participants(subject, generator), () =>
    generator.ask('pace', { seconds: PACED_SECONDS, rate }),
  );
  return { ...result, usage };
}

async function insertTheSame(
  subject: IngestSubject,
  generator: BenchWorker<LoadCommands>,
  { inOurBatches, inHundreds }: Readonly<Record<'inOurBatches' | 'inHundreds', BenchWorker<BareInsertCommands>>>,
  messagesPerCommit: number,
): Promise<FloorRound> {
  const { messages } = await inOurBatches.ask('load', null);
  const pids = { server: inOurBatches.pid, generator: generator.pid, partners: subject.partners };
  const { result: own, usage } = await observe(pids, () => inOurBatches.ask('insert', { messagesPerCommit }));
  await inHundreds.ask('load', null);
  const hundreds = await inHundreds.ask('insert', { messagesPerCommit: REFERENCE_BATCH });
  return {
    usage,
    messages,
    messagesPerCommit,
    perSecond: messages / own.seconds,
    perSecondInHundreds: messages / hundreds.seconds,
  };
}

type Engine = IngestSubject['engine'];

function peakRows(
  engine: Engine,
  { ours, floor }: { ours: readonly PeakRound[]; floor: readonly FloorRound[] },
): Row[] {
  const acked = ours.map(({ perSecond }) => perSecond);
  const limits = ours.map(({ usage }) => bottleneck(usage, 'commits (inserting, waiting for fsync)'));
  const row = (caseName: string, bare: readonly number[], target: number | null): Row => ({
    scenario: 'W4',
    case: `${engine}, ${caseName}`,
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
    { ...cpuRow(`${engine}, peak`, 'server', ours), limitedBy: limits[limits.length >> 1] as string },
  ];
}

function pacedRows(engine: Engine, paced: readonly PacedRound[], rate: number): Row[] {
  const caseName = `${engine}, half the peak`;
  const row = (quantile: 'p50' | 'p99', target: number | null): Row => ({
    scenario: 'W4',
    case: `${caseName}, ${Math.round(rate).toLocaleString('en')} messages/s`,
    metric: `ack ${quantile}`,
    unit: 'ms',
    ours: median(paced.map(({ ackMillis }) => ackMillis[quantile])),
    floor: null,
    ratio: null,
    target,
    better: 'lower',
    limitedBy: 'the pace',
  });
  const cpu = engine === 'SQLite' ? (['server'] as const) : (['server', engine] as const);
  return [row('p50', null), row('p99', MOST_ACK_MILLIS), ...cpu.map((who) => cpuRow(caseName, who, paced))];
}

/** CPU of the server, or of one of its partners, for each message that was acknowledged. */
function cpuRow(caseName: string, who: 'server' | 'PostgreSQL', rounds: readonly PacedRound[]): Row {
  const used = ({ usage }: PacedRound) => (who === 'server' ? usage.cpu.total : (usage.partners[who]?.cpu ?? 0));
  return {
    scenario: 'W4',
    case: caseName,
    metric: `${who} CPU per message`,
    unit: 'µs',
    ours: median(rounds.map((round) => used(round) / round.ackMillis.count)),
    floor: null,
    ratio: null,
    target: null,
    better: 'lower',
    limitedBy: 'the pace',
  };
}

function lostRow(engine: Engine, acked: number, lost: number): Row {
  return {
    scenario: 'W4',
    case: `${engine}, kill -9 under load, ${acked.toLocaleString('en')} acked`,
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

function describeRounds(engine: Engine, peak: readonly PeakRound[], paced: readonly PacedRound[]): string[] {
  const describe = (name: string, rounds: readonly PacedRound[]) =>
    `${engine}, ${name}: ${describeShares(rounds.map(({ usage }) => usage))}`;
  const batch = median(peak.map(({ messagesPerCommit }) => messagesPerCommit)).toFixed(0);
  const latency = median(peak.map(({ ackMillis }) => ackMillis.p99)).toFixed(1);
  return [
    `${describe('peak', peak)}; ${batch} messages a commit; ack p99 ${latency} ms`,
    describe('half the peak', paced),
  ];
}
