import { setTimeout as pause } from 'node:timers/promises';
import { StartError } from '../../domain/start-error.ts';
import { readEpoch } from '../operations/logs.ts';
import { addressOf } from './address.ts';
import { APPLICATION_NAME, PostgresConnection } from './connection.ts';
import { engineError, reasonOf } from './errors.ts';
import { migrate } from './migrate.ts';

export interface Opening {
  /** Where people gave the URL, for sentences about it: DATABASE_URL as a rule. */
  readonly givenAs?: string;
  /** `postgres://user:password@host:port/database`; the password is never repeated. */
  readonly url: string;
  /** Permits settings that can lose acknowledged messages, with a warning. */
  readonly allowWeakDurability: boolean;
  /** Refuses while a node of ours is connected, so that nothing changes under its hands. */
  readonly alone?: boolean;
  /** How long a server that cannot be reached is waited for: 60 s. */
  readonly patienceMs?: number;
  /** Told once, with a sentence, when the wait begins. */
  readonly onWaiting?: ((sentence: string) => void) | undefined;
}

const PATIENCE_MS = 60_000;
const CONNECT_WITHIN_MS = 5_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;

/**
 * Waits for the server, checks its settings and brings its schema up to date.
 * @throws StartError
 */
export async function prepare(opening: Opening): Promise<Prepared> {
  const until = performance.now() + (opening.patienceMs ?? PATIENCE_MS);
  for (;;) {
    const connection = await connect(opening);
    try {
      return await prepareOn(connection, opening);
    } catch (error) {
      // A server that goes away meanwhile is waited for as one that is not there: what was begun is undone.
      if (!connection.isLost || performance.now() > until) throw error;
      await pause(SHORTEST_PAUSE_MS);
    } finally {
      await connection.end().catch(() => {});
    }
  }
}

interface Prepared {
  readonly epoch: string;
  readonly warnings: readonly string[];
}

async function prepareOn(connection: PostgresConnection, opening: Opening): Promise<Prepared> {
  try {
    const warnings = await requireDurability(connection, opening);
    if (opening.alone) await refuseCompany(connection, addressOf(opening.url));
    await migrate(connection);
    return { epoch: await readEpoch({ database: connection.tables }), warnings };
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`The database at ${addressOf(opening.url)} cannot be opened: ${reasonOf(error)}`);
  }
}

/**
 * Connects to the server, and while it cannot be reached asks again.
 * @throws StartError
 */
export async function connect(opening: Omit<Opening, 'allowWeakDurability'>): Promise<PostgresConnection> {
  const { url, givenAs = 'DATABASE_URL', patienceMs = PATIENCE_MS, onWaiting } = opening;
  const where = `${givenAs}: PostgreSQL at ${addressOf(url)}`;
  const until = performance.now() + patienceMs;
  for (let wait = SHORTEST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    const connection = connectionTo(url, where);
    try {
      await connection.connect();
      return connection;
    } catch (error) {
      connection.cutOff();
      const reason = reasonOf(error);
      if (!mayPass(error)) throw new StartError(`${where} refuses the connection: ${reason}.`);
      if (performance.now() + wait > until) {
        throw new StartError(`${where} could not be reached within ${Math.round(patienceMs / 1_000)} s: ${reason}.`);
      }
      if (wait === SHORTEST_PAUSE_MS) onWaiting?.(`${where} cannot be reached yet, and is asked again: ${reason}.`);
      await pause(wait);
    }
  }
}

/** The driver reads the files that the options of the URL name, such as certificates. */
function connectionTo(url: string, where: string): PostgresConnection {
  try {
    return new PostgresConnection({
      connectionString: url,
      application_name: APPLICATION_NAME,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
    });
  } catch (error) {
    throw new StartError(`${where} cannot be asked with these options: ${reasonOf(error)}.`);
  }
}

/** A server that starts, stops or is full may take a connection later; one that knows no such account will not. */
function mayPass(error: unknown): boolean {
  const answer = engineError(error)?.code;
  if (answer !== undefined) return /^(08|53|57)/.test(answer);
  const { code } = error as { code?: unknown };
  // The system's own codes are the network's; a certificate or a password that will not do has another one, or none.
  const isOfNetwork = typeof code === 'string' && /^E(?!RR_)[A-Z_]+$/.test(code);
  return isOfNetwork || /timeout|terminated/.test(reasonOf(error));
}

/**
 * How the settings in force fall short of S1; empty when they do not.
 * @throws StartError where they do, and that is not permitted
 */
export async function requireDurability(
  connection: PostgresConnection,
  { allowWeakDurability }: Pick<Opening, 'allowWeakDurability'>,
): Promise<readonly string[]> {
  const warnings = await durabilityWarnings(connection);
  if (warnings.length === 0 || allowWeakDurability) return warnings;
  throw new StartError(
    `${warnings.join(' ')} Turn it on, or say PARLEY_ALLOW_WEAK_DURABILITY=1 if that is what you want.`,
  );
}

async function durabilityWarnings(connection: PostgresConnection): Promise<string[]> {
  const { rows } = await connection.run(
    "select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit",
  );
  const { fsync, synchronous_commit } = rows[0] as Record<string, string>;
  const warnings: string[] = [];
  const warn = (setting: string, risk: string) => warnings.push(`PostgreSQL runs with ${setting}: ${risk}.`);
  if (fsync !== 'on') warn(`fsync=${fsync}`, 'a power cut can lose acknowledged messages and damage the database');
  if (synchronous_commit !== 'on' && synchronous_commit !== 'remote_apply') {
    warn(`synchronous_commit=${synchronous_commit}`, 'a power cut or a failover can lose acknowledged messages');
  }
  return warnings;
}

/** A node keeps a connection open even when it has nothing to do, so it is seen here, unless a pooler stands between. */
async function refuseCompany(connection: PostgresConnection, where: string): Promise<void> {
  const { rows } = await connection.run(
    'select 1 from pg_stat_activity where datname = current_database() and application_name = $1 ' +
      'and pid <> pg_backend_pid() limit 1',
    [APPLICATION_NAME],
  );
  if (rows.length > 0) throw new StartError(`A Parley server is using the database at ${where}. Stop it first.`);
}
