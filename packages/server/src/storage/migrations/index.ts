import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Schema } from '../schema.ts';
import { first } from './0001-first.ts';
import type { SchemaDialect } from './dialect.ts';

/** The migrations in the order of their names. One that has been released is never changed. */
function migrationsFor(dialect: SchemaDialect): Record<string, Migration> {
  return { '0001-first': first(dialect) };
}

/** Brings the schema up to date. Throws a sentence where that fails, or where a newer Parley made the database. */
export async function bringUpToDate(database: Kysely<Schema>, dialect: SchemaDialect): Promise<void> {
  const provider = { getMigrations: async () => migrationsFor(dialect) };
  const { error } = await new Migrator({ db: database, provider }).migrateToLatest();
  if (error === undefined) return;
  const reason = error instanceof Error ? error.message : String(error);
  throw new Error(
    /previously executed migration .* is missing/.test(reason)
      ? 'The database was made by a newer version of Parley. Run that version, or restore a backup.'
      : `The database could not be brought up to date: ${reason}`,
    { cause: error },
  );
}
