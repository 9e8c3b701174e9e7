import { Migrator } from 'kysely/migration';
import { migrationProvider } from '../migrations/index.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * Brings the schema up to date, all of it or nothing, holding the write lock so that two processes cannot do it at
 * once. Throws a sentence where the file was made by a newer Parley.
 */
export async function migrate({ driver, database }: SqliteConnection): Promise<void> {
  driver.exec('begin immediate');
  const migrator = new Migrator({ db: database, provider: migrationProvider });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) {
    driver.exec('commit');
    return;
  }
  driver.exec('rollback');
  const reason = error instanceof Error ? error.message : String(error);
  throw new Error(
    /previously executed migration .* is missing/.test(reason)
      ? 'The database was made by a newer version of Parley. Run that version, or restore a backup.'
      : `The database could not be brought up to date: ${reason}`,
  );
}
