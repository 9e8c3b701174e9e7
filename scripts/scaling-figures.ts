import type { Row } from '../tools/bench/src/report/row.ts';

/** What one unit of something costs, and the figure of the bench that says so. */
interface Cost {
  readonly what: string;
  readonly unit: string;
  readonly scenario: string;
  /** The beginning of the row's case. */
  readonly case: string;
  readonly metric: string;
}

const cost = (what: string, unit: string, [scenario, caseName, metric]: readonly [string, string, string]): Cost => ({
  ...{ what, unit, scenario, case: caseName, metric },
});

const MICROS = 'µs of CPU';

const COSTS = {
  onSqlite: cost('a message on SQLite, alone in its channel', MICROS, [
    'W4',
    'SQLite, half the peak',
    'server CPU per message',
  ]),
  onPostgres: cost('a message on PostgreSQL, at its node', MICROS, [
    'W4',
    'PostgreSQL, half the peak',
    'server CPU per message',
  ]),
  inPostgres: cost('the same, in PostgreSQL, large batches', MICROS, [
    'W4',
    'PostgreSQL, half the peak',
    'PostgreSQL CPU per message',
  ]),
  sending: cost('a message at its node, with a hint by Redis, small batches', MICROS, [
    'W10',
    'two nodes, half',
    'sending node, CPU per message',
  ]),
  inPostgresOfMany: cost('the same, in PostgreSQL', MICROS, ['W10', 'two nodes, half', 'PostgreSQL, CPU per message']),
  inRedis: cost('the same, in Redis, one other node following', MICROS, [
    'W10',
    'two nodes, half',
    'Redis, CPU per message',
  ]),
  redisCommands: cost('commands to Redis for a message', 'commands', [
    'W10',
    'two nodes, half',
    'Redis, commands per message',
  ]),
  receiving: cost('a hint at another node, with nine deliveries', MICROS, [
    'W10',
    'two nodes, half',
    'receiving node, CPU per message',
  ]),
  delivery: cost('a delivery, in a room of 1,000, one message at a time', MICROS, [
    'W1',
    '1,000 members',
    'server CPU per delivery',
  ]),
  busyDelivery: cost('a delivery, in a room of 1,000, eight messages at a time', MICROS, [
    'W2',
    '1,000 members',
    'server CPU per delivery',
  ]),
  connectionMemory: cost('a connection that is signed in, 10 channels', 'kB of memory', [
    'W5',
    '',
    'resident memory per connection',
  ]),
  connectionCpu: cost('the same, for each second of silence', MICROS, [
    'W5',
    '',
    'server CPU per connection and second',
  ]),
  returnOnSqlite: cost('a client that resumes after a crash, SQLite', MICROS, [
    'W6',
    'SQLite',
    'server CPU per client that returns',
  ]),
  returnOnPostgres: cost('the same, PostgreSQL, at its node', MICROS, [
    'W6',
    'PostgreSQL',
    'server CPU per client that returns',
  ]),
  returnInPostgres: cost('the same, in PostgreSQL', MICROS, [
    'W6',
    'PostgreSQL',
    'PostgreSQL CPU per client that returns',
  ]),
} as const satisfies Record<string, Cost>;

/** What people do, as the page says. */
const SECONDS_BETWEEN_MESSAGES = 120;
const AUDIENCE = 50;
const CONNECTIONS_OF_A_NODE = 10_000;
const STREAMS_OF_A_CONNECTION = 11;
const COMPARE_EVERY_SECONDS = 10;
const DATABASE_CONNECTIONS_OF_A_NODE = 10;
const DELIVERIES_OF_A_MEASURED_HINT = 9;
const SIZES = [10_000, 100_000, 1_000_000];

const NOT_MEASURED = '–';

type Measured = (cost: Cost) => number | null;

export function renderCosts(rows: readonly Row[]): string {
  const measured = reader(rows);
  return table(
    ['one', 'costs', '', 'measured by'],
    Object.values(COSTS).map((entry) => [
      entry.what,
      short(measured(entry)),
      entry.unit,
      `${entry.scenario}, ${entry.metric}`,
    ]),
  );
}

/** What so many connections ask of each resource, in cores that never idle and in bytes. */
export function renderArithmetic(rows: readonly Row[]): string {
  const measured = reader(rows);
  return table(
    ['', ...SIZES.map((size) => `${size.toLocaleString('en')} connections`)],
    Object.entries(DEMANDS).map(([name, demand]) => [name, ...SIZES.map((size) => short(demand(size, measured)))]),
  );
}

type Demand = (connections: number, measured: Measured) => number | null;

const nodesFor = (connections: number) => Math.ceil(connections / CONNECTIONS_OF_A_NODE);
const messagesOf = (connections: number) => connections / SECONDS_BETWEEN_MESSAGES;
/** Other nodes that have somebody to deliver a message to. */
const nodesReached = (connections: number) => Math.min(AUDIENCE, nodesFor(connections) - 1);

const DEMANDS: Readonly<Record<string, Demand>> = {
  'nodes of 10,000 connections': nodesFor,
  'messages a second': messagesOf,
  'deliveries a second': (connections) => messagesOf(connections) * AUDIENCE,
  'memory of connections, all nodes (GB)': (connections, measured) =>
    times(connections / 1e6, measured(COSTS.connectionMemory)),
  'nodes, sending (cores)': (connections, measured) => cores(messagesOf(connections), measured(COSTS.sending)),
  'nodes, hints received (cores)': (connections, measured) =>
    cores(messagesOf(connections) * nodesReached(connections), hintAlone(measured)),
  'nodes, delivering (cores)': (connections, measured) =>
    cores(messagesOf(connections) * AUDIENCE, measured(COSTS.delivery)),
  'nodes, silence (cores)': (connections, measured) => cores(connections, measured(COSTS.connectionCpu)),
  'PostgreSQL, messages (cores)': (connections, measured) =>
    cores(messagesOf(connections), measured(COSTS.inPostgresOfMany)),
  'PostgreSQL, connections': (connections) => nodesFor(connections) * DATABASE_CONNECTIONS_OF_A_NODE,
  'PostgreSQL, heads compared (rows a second)': (connections) =>
    (connections * STREAMS_OF_A_CONNECTION) / COMPARE_EVERY_SECONDS,
  'Redis, hints handed to nodes (1/s)': (connections) => messagesOf(connections) * nodesReached(connections),
  'Redis, at most (cores)': (connections, measured) =>
    cores(messagesOf(connections) * nodesReached(connections), measured(COSTS.inRedis)),
  'everybody comes back at once: nodes (core seconds)': (connections, measured) =>
    times(connections / 1e6, measured(COSTS.returnOnPostgres)),
  'everybody comes back at once: PostgreSQL (core seconds)': (connections, measured) =>
    times(connections / 1e6, measured(COSTS.returnInPostgres)),
};

/** What a hint costs its receiver before it is delivered to anybody. */
function hintAlone(measured: Measured): number | null {
  const withDeliveries = measured(COSTS.receiving);
  const delivery = measured(COSTS.delivery);
  if (withDeliveries === null || delivery === null) return null;
  return Math.max(0, withDeliveries - DELIVERIES_OF_A_MEASURED_HINT * delivery);
}

function reader(rows: readonly Row[]): Measured {
  return ({ scenario, case: beginning, metric }) =>
    rows.find((row) => row.scenario === scenario && row.metric === metric && row.case.startsWith(beginning))?.ours ??
    null;
}

function cores(perSecond: number, micros: number | null): number | null {
  return times(perSecond / 1e6, micros);
}

function times(count: number, each: number | null): number | null {
  return each === null ? null : count * each;
}

function short(value: number | null): string {
  if (value === null) return NOT_MEASURED;
  const shortened = Number(value.toPrecision(2));
  return shortened >= 100 ? Math.round(shortened).toLocaleString('en') : String(shortened);
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
