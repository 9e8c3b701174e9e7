import type { Outcome } from '../report/outcome.ts';
import { openOnPostgres, openOnSqlite } from '../subjects/ingest-subject.ts';
import { compareIngest, INGEST_METHOD } from './ingest-comparison.ts';

/** W4: how many messages a second are acknowledged, on each database, against a bare insert of the same rows. */
export async function measureIngest(): Promise<Outcome> {
  const onSqlite = await compareIngest(openOnSqlite);
  const onPostgres = await compareIngest(openOnPostgres);
  const both = [onSqlite, onPostgres];
  return {
    rows: both.flatMap(({ rows }) => rows),
    method: {
      ours:
        'the real server on an empty database: messages by socket, acknowledged after COMMIT (SQLite: WAL, ' +
        'synchronous=FULL; PostgreSQL: fsync and synchronous_commit on, without Redis)',
      floor:
        "the very rows that ours had just stored, into tables and indexes like its own, in commits of ours' average " +
        'size, one connection, prepared statements; on PostgreSQL in the same database, each column an array, the ' +
        'statements of a commit sent at once',
      ...INGEST_METHOD,
    },
    notes: both.flatMap(({ notes }) => notes),
    raw: { sqlite: onSqlite.raw, postgres: onPostgres.raw },
  };
}
