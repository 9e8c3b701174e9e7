import { setTimeout as pause } from 'node:timers/promises';
import { StartError } from '../../domain/start-error.ts';
import { ageOf } from '../migrations/index.ts';
import { addressOf } from '../postgres/address.ts';
import type { PostgresConnection } from '../postgres/connection.ts';
import { engineError, reasonOf } from '../postgres/errors.ts';
import { makeTables, whileNobodyMigrates } from '../postgres/migrate.ts';
import { connect, type Opening, requireDurability } from '../postgres/prepare.ts';
import { beginCopying, beginMove, endMove, readUnfinishedMove } from '../postgres/unfinished-move.ts';
import type { Source } from './source.ts';
import { KEYS, keyOf, listed, type Row, type Table } from './tables.ts';

/** Held by the one command that moves messages to a database, for as long as its connection lives. */
const MOVE_LOCK = 8_271_990_412;
/** A command that was killed keeps the lock for the moment that PostgreSQL needs to notice. */
const LOCK_WITHIN_MS = 3_000;
const LOCK_ASKED_EVERY_MS = 100;

/** A page of rows that are read back; with the largest bodies that is 16 MB. */
const ROWS_PER_PAGE = 500;

// No time is too long for us; a command that is gone without a word is noticed within 20 s.
const SESSION = [
  'set statement_timeout = 0',
  'set lock_timeout = 0',
  'set idle_in_transaction_session_timeout = 0',
  'set tcp_keepalives_idle = 5',
  'set tcp_keepalives_interval = 5',
  'set tcp_keepalives_count = 3',
];

/** A PostgreSQL database that only this command uses, and that no server takes before the move has been finished. */
export interface Target {
  /** Whether an earlier run has begun to copy. */
  readonly resumes: boolean;
  /** The key of the last row that has arrived, and how many have; null where there is none. */
  arrived(table: Table): Promise<{ key: Row; rows: number } | null>;
  /** All of the rows or none. */
  insert(table: Table, rows: readonly Row[]): Promise<void>;
  /** All rows in the order of their keys, a page at a time. */
  pages(table: Table): AsyncIterable<readonly Row[]>;
  /** Tells PostgreSQL's planner of tables that have just been filled. */
  analyze(): Promise<void>;
  /** Forgets what has arrived. */
  startOver(): Promise<void>;
  /** Hands the database over to servers. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** What PostgreSQL refused because of rows that are there already: they are not what the source has now. */
export class Contradiction extends StartError {}

/**
 * Connects to the database that messages are moved to: an empty one, which is given its tables, or one to which a move
 * of the same messages has been begun.
 * @throws StartError
 */
export async function openTarget(opening: Opening, { path, epoch }: Pick<Source, 'path' | 'epoch'>): Promise<Target> {
  const where = addressOf(opening.url);
  const connection = await connect(opening);
  try {
    for (const statement of SESSION) await connection.run(statement);
    await requireDurability(connection, opening);
    await lock(connection, where);
    const resumes = await whileNobodyMigrates(connection, async () => {
      const move = await readUnfinishedMove(connection);
      if (!move) {
        await requireEmpty(connection, where, epoch);
        await beginMove(connection, { source: path, epoch });
      } else if (move.epoch !== epoch) {
        throw new StartError(
          `The database at ${where} holds an unfinished copy of another database, ${move.source}. ` +
            'Finish that one, or give a database that has just been made.',
        );
      } else if (move.copying) {
        await requireSameVersion(connection, where);
        return true;
      }
      await makeTables(connection);
      await beginCopying(connection, Object.keys(KEYS));
      return false;
    });
    return { resumes, ...targetOn(connection, where) };
  } catch (error) {
    await connection.end().catch(() => {});
    throw error instanceof StartError ? error : cannotGoOn(where, connection, error);
  }
}

function targetOn(connection: PostgresConnection, where: string): Omit<Target, 'resumes'> {
  const ask = async (text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    try {
      return (await connection.query({ text, values: [...values], rowMode: 'array' })).rows as Row[];
    } catch (error) {
      throw cannotGoOn(where, connection, error);
    }
  };
  const columnsOf = ({ columns }: Table) => listed(columns.map(({ name }) => name));

  return {
    async arrived({ name, key }) {
      const backwards = key.map((column) => `"${column}" desc`).join(', ');
      const [last] = await ask(`select ${listed(key)} from "${name}" order by ${backwards} limit 1`);
      if (!last) return null;
      const [[rows] = []] = await ask(`select count(*) from "${name}"`);
      return { key: last, rows: Number(rows) };
    },
    async insert(table, rows) {
      const arrays = table.columns.map(({ type }, place) => `$${place + 1}::${type}[]`).join(', ');
      const values = table.columns.map((_, place) => rows.map((row) => row[place]));
      await ask(`insert into "${table.name}" (${columnsOf(table)}) select * from unnest(${arrays})`, values);
    },
    async *pages(table) {
      const key = listed(table.key);
      const read = (above: Row | null) => {
        const places = above?.map((_, place) => `$${place + 1}`).join(', ');
        const range = above ? `where (${key}) > (${places})` : '';
        const text = `select ${columnsOf(table)} from "${table.name}" ${range} order by ${key} limit ${ROWS_PER_PAGE}`;
        return ask(text, above ?? []);
      };
      let page = await read(null);
      for (;;) {
        const last = page.length === ROWS_PER_PAGE ? page.at(-1) : undefined;
        // On its way while the page before it is looked at.
        const next = last ? read(keyOf(table, last)) : Promise.resolve([]);
        next.catch(() => {});
        yield page;
        page = await next;
        if (page.length === 0) return;
      }
    },
    async analyze() {
      await ask(`analyze ${listed(Object.keys(KEYS))}`);
    },
    async startOver() {
      await ask(`truncate ${listed(Object.keys(KEYS))}`);
    },
    async finish() {
      await endMove(connection).catch((error) => {
        throw cannotGoOn(where, connection, error);
      });
    },
    close: () => connection.end().catch(() => {}),
  };
}

async function lock(connection: PostgresConnection, where: string): Promise<void> {
  const until = performance.now() + LOCK_WITHIN_MS;
  for (;;) {
    const { rows } = await connection.run('select pg_try_advisory_lock($1) as mine', [MOVE_LOCK]);
    if (rows[0]?.mine) return;
    if (performance.now() > until) {
      throw new StartError(
        `Another command is moving messages to the database at ${where}. Let it finish. If it was cut off, ` +
          'PostgreSQL notices within half a minute: try again then.',
      );
    }
    await pause(LOCK_ASKED_EVERY_MS);
  }
}

async function requireEmpty(connection: PostgresConnection, where: string, epoch: string): Promise<void> {
  const ours = ['kysely_migration', 'kysely_migration_lock', ...Object.keys(KEYS)];
  const { rows } = await connection.run(
    'select name from unnest($1::text[]) as name where to_regclass(quote_ident(name)) is not null limit 1',
    [ours],
  );
  if (!rows[0]) return;
  if (await hasEpoch(connection, epoch)) {
    throw new StartError(
      `The database at ${where} has all of this already: it was moved there before. Nothing was changed. ` +
        'Start the server with that database as its DATABASE_URL.',
    );
  }
  throw new StartError(
    `The database at ${where} is not empty: it has a table "${rows[0].name}". Nothing was changed. ` +
      'Give a database that has just been made, in which no server has been started.',
  );
}

async function hasEpoch(connection: PostgresConnection, epoch: string): Promise<boolean> {
  const { rows } = await connection
    .run("select value from facts where name = 'epoch'")
    .catch(() => ({ rows: [] as { value?: unknown }[] }));
  return rows[0]?.value === epoch;
}

async function requireSameVersion(connection: PostgresConnection, where: string): Promise<void> {
  const { rows } = await connection.run('select name from kysely_migration');
  if (ageOf(rows.map(({ name }) => name)) === 'current') return;
  throw new StartError(
    `The database at ${where} holds an unfinished copy that another version of Parley began. ` +
      'Finish it with that version, or give a database that has just been made.',
  );
}

const INTEGRITY_VIOLATION = /^23/;

/** What stands in the way, as a sentence. What has arrived is kept: every step is a transaction of its own. */
function cannotGoOn(where: string, connection: PostgresConnection, error: unknown): Error {
  if (INTEGRITY_VIOLATION.test(engineError(error)?.code ?? '')) {
    return new Contradiction(`PostgreSQL at ${where}: ${reasonOf(error)}`, { cause: error });
  }
  const what = connection.isLost
    ? `The connection to PostgreSQL at ${where} was lost`
    : `PostgreSQL at ${where} cannot go on`;
  return new StartError(
    `${what}: ${reasonOf(error)}. What has been copied is kept: run the same command again to go on.`,
    { cause: error },
  );
}
