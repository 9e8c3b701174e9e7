import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import type { LoadCommands } from '../load/commands.ts';
import type { Returns, StormVerdict } from '../load/returning-crowd.ts';
import { BODY_BYTES } from '../load/send-frame.ts';
import { bottleneck, describeShares, observe, type Usage } from '../measure/bottleneck.ts';
import { median, percentile } from '../measure/statistics.ts';
import type { Outcome } from '../report/outcome.ts';
import type { Row } from '../report/row.ts';
import { type BenchWorker, startWorker } from '../subjects/bench-worker.ts';
import { countLost } from '../subjects/count-lost.ts';
import { openPostgres } from '../subjects/engines.ts';
import { makeFolder, type ParleyServer, removeFolder, type Settings, startParley } from '../subjects/parley-server.ts';
import { SEEDED_SECRET, type Seeded, seed } from '../subjects/seed.ts';

const MOST_SECONDS = 5;
const CLIENTS = 2_000;
const ROOMS = 200;
const ROOMS_EACH = 5;
const WRITERS = 100;
const MESSAGES_PER_SECOND = 100;
const STORMS = 3;
/** Longer than a client needs to take a connection for a stable one, after which it counts failures anew. */
const CALM_MS = 7_000;
const GIVE_UP_MS = 30_000;

type Engine = 'SQLite' | 'PostgreSQL';

interface Storm {
  /** From the kill until the new process says that it is ready. */
  readonly secondsToReady: number;
  readonly secondsToHalf: number;
  readonly secondsToAll: number;
  readonly neverReturned: number;
  readonly turnedAway: number;
  /** From readiness until everybody was back. */
  readonly usage: Usage;
}

interface Storms {
  readonly engine: Engine;
  readonly storms: readonly Storm[];
  readonly verdict: Omit<StormVerdict, 'acked'> & { readonly acked: number; readonly lost: number };
}

/** W6: the server is killed under everybody, and started again: how long until all are back and have what they missed. */
export async function measureReconnectStorm(): Promise<Outcome> {
  const all = [await stormOnSqlite(), await stormOnPostgres()];
  return {
    rows: all.flatMap(rowsOf),
    method: {
      clients:
        `${CLIENTS.toLocaleString('en')} people, each with a session and a socket of their own and in ${ROOMS_EACH} of ` +
        `${ROOMS} private channels (${(CLIENTS * ROOMS_EACH) / ROOMS} members each)`,
      behaviour:
        "each client comes back by the SDK's own rules (its module for back-off is the one that runs), says hello with " +
        'its cursors, and sends what was not acknowledged again, under the same id',
      seeding:
        "accounts, sessions and channels are made by the store's own operations before the start, without passwords; the " +
        "access tokens are signed with the server's secret",
      messages:
        `open loop, ${MESSAGES_PER_SECOND}/s by ${WRITERS} of the clients before, during and after; while the server is ` +
        'away, messages wait in their outboxes',
      storm:
        `kill -9, and the same command again at once on the same folder and port; ${STORMS} times, ${CALM_MS / 1_000} s ` +
        'apart; the slowest return, and the median of all else',
      counted:
        'from just before the kill, restart included, until the last client has been welcomed and has received every ' +
        'entry up to the heads that the welcome named',
      lost:
        'in the end every ack is sought in the log, once and at its place; and every client must have had every entry of ' +
        'its channels, once and in order',
      bodyBytes: BODY_BYTES,
    },
    notes: all.map(describe),
    raw: all,
  };
}

async function stormOnSqlite(): Promise<Storms> {
  return stormOn('SQLite', {});
}

async function stormOnPostgres(): Promise<Storms> {
  const postgres = await openPostgres();
  try {
    return await stormOn('PostgreSQL', { DATABASE_URL: postgres.url }, { PostgreSQL: postgres.pid });
  } finally {
    await postgres.close();
  }
}

async function stormOn(engine: Engine, database: Settings, partners: Record<string, number> = {}): Promise<Storms> {
  const folder = makeFolder();
  const settings = { ...database, PARLEY_SECRET: SEEDED_SECRET };
  const seeded = await seed(folder, settings, { people: CLIENTS, rooms: ROOMS, roomsEach: ROOMS_EACH });
  let server = await startParley(settings, folder);
  const generator = startWorker<LoadCommands>(join(import.meta.dirname, '../load/generator-process.ts'));
  try {
    await generator.ask('assemble', { port: server.port, ...DOOR, members: membersOf(seeded) });
    await generator.ask('chat', { rate: MESSAGES_PER_SECOND });
    const storms: Storm[] = [];
    while (storms.length < STORMS) {
      await wait(CALM_MS);
      const killedAt = Date.now();
      await server.kill();
      server = await server.restart();
      storms.push(await awaitReturn(server, generator, killedAt, partners));
    }
    const { acked, ...rest } = await generator.ask('conclude', null);
    const lost = await countLost(server, (channelId) => tokenFor(seeded, channelId), acked);
    return { engine, storms, verdict: { ...rest, acked: acked.length, lost } };
  } finally {
    await Promise.all([server.kill(), generator.stop()]);
    removeFolder({ dataFolder: folder });
  }
}

const DOOR = { path: SOCKET_PATH, subprotocol: SUBPROTOCOL };

/** Each of the first writes to the first of their channels. */
function membersOf({ people, rooms }: Seeded) {
  return people.map(({ token, rooms: own }, number) => ({
    token,
    writesTo: number < WRITERS ? (rooms[own[0] ?? 0]?.channelId ?? null) : null,
  }));
}

function tokenFor({ rooms }: Seeded, channelId: string): string {
  return rooms.find((room) => room.channelId === channelId)?.members[0]?.token ?? '';
}

async function awaitReturn(
  server: ParleyServer,
  generator: BenchWorker<LoadCommands>,
  killedAt: number,
  partners: Record<string, number>,
): Promise<Storm> {
  const secondsToReady = (Date.now() - killedAt) / 1_000;
  const { result, usage } = await observe({ server: server.pid, generator: generator.pid, partners }, () =>
    generator.ask('comeBack', { killedAt, withinMs: GIVE_UP_MS }),
  );
  return { secondsToReady, ...summarise(result), usage };
}

function summarise({ millis, neverReturned, turnedAway }: Returns) {
  return {
    secondsToHalf: percentile(millis, 0.5) / 1_000,
    secondsToAll: (neverReturned > 0 ? GIVE_UP_MS : percentile(millis, 1)) / 1_000,
    neverReturned,
    turnedAway,
  };
}

function rowsOf({ engine, storms, verdict }: Storms): Row[] {
  const middle = (of: (storm: Storm) => number) => median(storms.map(of));
  const limits = storms.map(({ usage }) => bottleneck(usage, 'the clients’ back-off'));
  const row = (metric: string, unit: string, ours: number, target: number | null): Row => ({
    scenario: 'W6',
    case: `${engine}, ${CLIENTS.toLocaleString('en')} clients, kill -9 and restart`,
    ...{ metric, unit, ours, floor: null, ratio: null, target, better: 'lower' },
    limitedBy: limits[limits.length >> 1] as string,
  });
  const total = (of: (storm: Storm) => number) => storms.reduce((sum, storm) => sum + of(storm), 0);
  return [
    row(
      'kill → all back and caught up, at the slowest',
      's',
      Math.max(...storms.map(({ secondsToAll }) => secondsToAll)),
      MOST_SECONDS,
    ),
    row(
      'kill → half of them',
      's',
      middle(({ secondsToHalf }) => secondsToHalf),
      null,
    ),
    row(
      'kill → ready again',
      's',
      middle(({ secondsToReady }) => secondsToReady),
      null,
    ),
    row(
      'server CPU per client that returns',
      'µs',
      middle(({ usage }) => usage.cpu.total / CLIENTS),
      null,
    ),
    ...(engine === 'SQLite'
      ? []
      : [row(`${engine} CPU per client that returns`, 'µs', middle(perClient(engine)), null)]),
    row(
      'clients that never returned',
      'clients',
      total((storm) => storm.neverReturned),
      0,
    ),
    row('acked messages lost', 'messages', verdict.lost + verdict.unacknowledged, 0),
    row('entries missing, twice or out of order', 'entries', verdict.missing + verdict.outOfOrder, 0),
  ];
}

function perClient(engine: Engine) {
  return ({ usage }: Storm) => (usage.partners[engine]?.cpu ?? 0) / CLIENTS;
}

function describe({ engine, storms, verdict }: Storms): string {
  const seconds = storms.map(({ secondsToAll }) => secondsToAll.toFixed(2)).join(', ');
  return (
    `${engine}, from readiness until all were back: ${describeShares(storms.map(({ usage }) => usage))}; ` +
    `all back after ${seconds} s, with ${storms.at(-1)?.turnedAway ?? 0} hellos that were not answered by a welcome; ` +
    `${verdict.acked.toLocaleString('en')} messages acknowledged`
  );
}
