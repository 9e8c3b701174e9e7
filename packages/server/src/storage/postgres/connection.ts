import { Failure } from '@parley/protocol/errors';
import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import { Client, type ClientBase, type ClientConfig, Pool, types } from 'pg';
import type { Engine } from '../operations/context.ts';
import type { Schema } from '../schema.ts';
import { postgresEngine } from './engine.ts';
import { CommitUnknown, ConnectionLost, isFatal, NotConnected } from './errors.ts';

/** What our connections are called in `pg_stat_activity`. */
export const APPLICATION_NAME = 'parley';
const MOST_CONNECTIONS = 10;
const CONNECT_WITHIN_MS = 3_000;
/** A statement that takes longer is ended by the engine, as is a transaction whose node has fallen silent. */
const STATEMENT_WITHIN_MS = 5_000;

const BIGINT = 20;
const INTEGERS_AS_NUMBERS: NonNullable<ClientConfig['types']> = {
  // Seqs, ordinals and times stay below 2^53.
  getTypeParser: ((oid: number, format: 'text') =>
    oid === BIGINT ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/** Each text has one name on every connection, by which the engine keeps it prepared; few texts, so all are kept. */
const MOST_PREPARED = 500;
const names = new Map<string, string>();
let generation = 0;

function statementName(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined && names.size < MOST_PREPARED) {
    name = `parley_${generation}_${names.size}`;
    names.set(text, name);
  }
  return name;
}

/** Prepares every statement anew, after the tables have changed below them. */
export function forgetPrepared(): void {
  generation += 1;
  names.clear();
}

/** A connection whose statements are sent at once, one behind the other, and as the query builder sees it. */
export class PostgresConnection extends Client {
  /** The query builder on this connection. */
  readonly tables: Kysely<Schema>;
  readonly engine: Engine;
  isLost = false;

  constructor(config?: ClientConfig) {
    super({ ...config, pipeline: true, keepAlive: true, types: INTEGERS_AS_NUMBERS });
    this.on('error', () => (this.isLost = true));
    this.on('end', () => (this.isLost = true));
    const session = {
      query: (text: string, values: readonly unknown[]) => this.run(text, values),
      release: () => {},
    } as unknown as PostgresPoolClient;
    const pool = { options: {}, connect: async () => session, end: async () => {} };
    this.tables = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
    this.engine = postgresEngine(this.tables);
  }

  /** Runs one statement, prepared. */
  async run(text: string, values: readonly unknown[] = []) {
    try {
      const name = values.length > 0 ? statementName(text) : undefined;
      return await this.query({ ...(name === undefined ? {} : { name }), text, values: [...values] });
    } catch (error) {
      if (isFatal(error)) this.isLost = true;
      throw error;
    }
  }

  /** Ends the connection without a word, whatever is under way on it. */
  cutOff(): void {
    this.isLost = true;
    this.connection.stream.destroy();
  }
}

export function openPool(connectionString: string): Pool {
  const pool = new Pool({
    connectionString,
    application_name: APPLICATION_NAME,
    min: 1,
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    statement_timeout: STATEMENT_WITHIN_MS,
    idle_in_transaction_session_timeout: STATEMENT_WITHIN_MS,
    Client: PostgresConnection as unknown as new () => ClientBase,
  });
  // An idle connection that is lost is replaced by the next use.
  pool.on('error', () => {});
  return pool;
}

/**
 * Lends a connection of the pool to `work`. When the signal comes, it is cut off, and what is under way on it fails.
 * @throws NotConnected, ConnectionLost, or as `work` does
 */
export async function withConnection<Result>(
  pool: Pool,
  signal: AbortSignal,
  work: (connection: PostgresConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await pool.connect().catch((cause) => {
    throw new NotConnected('There is no connection to the database.', { cause });
  });
  const lent = connection as unknown as PostgresConnection;
  const cutOff = () => lent.cutOff();
  signal.addEventListener('abort', cutOff, { once: true });
  try {
    signal.throwIfAborted();
    return await work(lent);
  } catch (error) {
    if (!lent.isLost || error instanceof Failure || error instanceof CommitUnknown) throw error;
    throw new ConnectionLost('The connection to the database was lost.', { cause: error });
  } finally {
    signal.removeEventListener('abort', cutOff);
    if (lent.isLost) lent.cutOff();
    connection.release(lent.isLost);
  }
}
