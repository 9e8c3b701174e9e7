import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import type { Engine } from '../operations/context.ts';
import type { Schema } from '../schema.ts';
import { sqliteEngine } from './engine.ts';

const STATEMENTS_KEPT = 256;

/** An open SQLite file: the driver for statements outside any builder, and the same connection as Kysely sees it. */
export interface SqliteConnection {
  readonly driver: DatabaseSync;
  readonly database: Kysely<Schema>;
  readonly engine: Engine;
}

export type Synchronous = 'off' | 'normal' | 'full' | 'extra';

/**
 * Opens a file as rule S1 asks: a write-ahead log, synced at every commit. Another process may hold the write lock for
 * up to 5 s before a statement fails.
 */
export function connect(path: string, synchronous: Synchronous): SqliteConnection {
  const driver = new DatabaseSync(path, { timeout: 5_000, enableForeignKeyConstraints: true });
  driver.exec(`pragma journal_mode = wal; pragma synchronous = ${synchronous}; pragma temp_store = memory;`);
  // Checkpoints sync too, and write pages once that have changed often: with 16 MB of log instead of 4 there are fewer.
  driver.exec('pragma wal_autocheckpoint = 4000');
  // Elsewhere this changes nothing; on macOS a plain fsync leaves the data in the disk's own cache.
  driver.exec('pragma fullfsync = on; pragma checkpoint_fullfsync = on;');
  const adapted = adapt(driver);
  const database = new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapted }) });
  return { driver, database, engine: sqliteEngine(adapted) };
}

/** How the settings in force fall short of S1, read back from the engine; empty when they do not. */
export function durabilityWarnings({ driver }: SqliteConnection): string[] {
  const journal = driver.prepare('pragma journal_mode').get()?.journal_mode;
  const synchronous = Number(driver.prepare('pragma synchronous').get()?.synchronous);
  const warnings: string[] = [];
  if (journal !== 'wal') warnings.push(`SQLite's journal mode is ${String(journal)} instead of wal.`);
  if (synchronous < 2)
    warnings.push('SQLite does not sync at every commit: a power cut can lose acknowledged messages.');
  return warnings;
}

// What Kysely's SQLite dialect expects of a driver, with prepared statements kept for reuse.
function adapt(driver: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => driver.close(),
    prepare(text) {
      let statement = prepared.get(text);
      if (!statement) {
        statement = adaptStatement(driver.prepare(text));
        if (prepared.size >= STATEMENTS_KEPT) prepared.delete(prepared.keys().next().value as string);
        prepared.set(text, statement);
      }
      return statement;
    },
  };
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  const values = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  };
}
