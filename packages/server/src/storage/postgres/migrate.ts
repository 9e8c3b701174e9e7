import { sql } from 'kysely';
import { StartError } from '../../domain/start-error.ts';
import { bringUpToDate } from '../migrations/index.ts';
import type { PostgresConnection } from './connection.ts';
import { readUnfinishedMove } from './unfinished-move.ts';

/** Held by whoever looks at the schema to change it, so that others that start at the same time wait for it. */
export const MIGRATION_LOCK = 8_271_990_411;

const DIALECT = { text: sql`text collate "C"`, clustered: sql`` };

/**
 * Brings the schema up to date, for a server or a command that then uses the database.
 * @throws StartError where a move from SQLite has not been finished: what is there may be less than was acknowledged
 */
export function migrate(connection: PostgresConnection): Promise<void> {
  return whileNobodyMigrates(connection, async () => {
    const move = await readUnfinishedMove(connection);
    if (move) {
      throw new StartError(
        `This database holds an unfinished copy of ${move.source}. Finish it first, with the command that began it: ` +
          `npx parley migrate-db --from 'sqlite:${move.source}' --to 'postgres://…'`,
      );
    }
    await makeTables(connection);
  });
}

/** Makes the tables, or brings them up to date; to be called while nobody else can. */
export function makeTables(connection: PostgresConnection): Promise<void> {
  return bringUpToDate(connection.tables, DIALECT);
}

/** Runs `work` while no node and no command looks at the schema in order to change it. */
export async function whileNobodyMigrates<Result>(
  connection: PostgresConnection,
  work: () => Promise<Result>,
): Promise<Result> {
  await connection.run('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    return await work();
  } finally {
    await connection.run('select pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => {});
  }
}
