import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Schema } from '../schema.ts';
import { first } from './0001-first.ts';
import type { SchemaDialect } from './dialect.ts';

/** For who wants the names alone. */
const NO_DIALECT: SchemaDialect = { text: sql``, clustered: sql`` };

/** The migrations in the order of their names. One that has been released is never changed. */
function migrationsFor(dialect: SchemaDialect): Record<string, Migration> {
  return { '0001-first': first(dialect) };
}

/** How a database that names the migrations it has been through compares with this version. */
export function ageOf(applied: readonly string[]): 'current' | 'older' | 'newer' {
  const ours = Object.keys(migrationsFor(NO_DIALECT));
  if (applied.some((name) => !ours.includes(name))) return 'newer';
  return ours.every((name) => applied.includes(name)) ? 'current' : 'older';
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
