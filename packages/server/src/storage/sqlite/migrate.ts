import { sql } from 'kysely';
import { bringUpToDate } from '../migrations/index.ts';
import type { SqliteConnection } from './connection.ts';

// Rows that are read as a range of their key lie in the key's own tree: one lookup less per row.
const DIALECT = { text: sql`text`, clustered: sql`without rowid` };

/**
 * Brings the schema up to date, all of it or nothing, holding the write lock so that two processes cannot do it at
 * once. Throws a sentence where the file was made by a newer Parley.
 */
export async function migrate({ driver, database }: SqliteConnection): Promise<void> {
  driver.exec('begin immediate');
  try {
    await bringUpToDate(database, DIALECT);
    driver.exec('commit');
  } catch (error) {
    driver.exec('rollback');
    throw error;
  }
}
