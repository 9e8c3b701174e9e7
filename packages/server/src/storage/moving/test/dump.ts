import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { PostgresEngine } from '../../../test/postgres-engine.ts';

const FRAMEWORK = /^kysely_|^sqlite_/;
const COLUMNS = "concat_ws('|', seq, at, coalesce(actor_id, '-'), type, coalesce(payload, '-'))";
const MESSAGE_COLUMNS = "concat_ws('|', seq, ordinal, id, author_id, body, created_at, rev)";

type Dump = Record<string, readonly unknown[]>;

/** Every row of every table that an SQLite file has, whatever the code under test knows of. */
export function dumpOfFile(path: string): Dump {
  const file = new DatabaseSync(path, { readOnly: true });
  const tables = file.prepare("select name from sqlite_master where type = 'table'").all();
  const dump = Object.fromEntries(
    tables
      .map(({ name }) => String(name))
      .filter((name) => !FRAMEWORK.test(name))
      .map((name) => [name, inOrder(file.prepare(`select * from "${name}"`).all())]),
  );
  file.close();
  return dump;
}

/** The same of a PostgreSQL database. */
export async function dumpOfDatabase(engine: PostgresEngine, url: string): Promise<Dump> {
  const tables = await engine.administer("select tablename from pg_tables where schemaname = 'public'", url);
  const dump: Record<string, readonly unknown[]> = {};
  for (const { tablename } of tables) {
    const name = String(tablename);
    if (!FRAMEWORK.test(name)) dump[name] = inOrder(await engine.administer(`select * from "${name}"`, url));
  }
  return dump;
}

/** The driver of the tests gives large integers as text. */
function inOrder(rows: readonly Record<string, unknown>[]): string[] {
  return rows
    .map((row) => Object.entries(row).map(([name, value]) => `${name}=${value === null ? 'null' : `"${value}"`}`))
    .map((row) => row.sort().join(' '))
    .sort();
}

/** A checksum of each stream's entries and of its messages, over texts that the engine itself makes of the rows. */
export function checksumsOfFile(path: string): Record<string, string> {
  const file = new DatabaseSync(path, { readOnly: true });
  const sums: Record<string, string> = {};
  for (const [table, stream, columns] of [
    ['entries', 'stream_id', COLUMNS],
    ['messages', 'channel_id', MESSAGE_COLUMNS],
  ]) {
    const streams = file.prepare(`select distinct ${stream} as id from ${table}`).all();
    for (const { id } of streams) {
      const hash = createHash('md5');
      let separator = '';
      const rows = file.prepare(`select ${columns} as line from ${table} where ${stream} = ? order by seq`);
      for (const { line } of rows.iterate(String(id))) {
        hash.update(`${separator}${line}`);
        separator = '\n';
      }
      sums[`${table} ${id}`] = hash.digest('hex');
    }
  }
  file.close();
  return sums;
}

/** The same, computed inside PostgreSQL. */
export async function checksumsOfDatabase(engine: PostgresEngine, url: string): Promise<Record<string, string>> {
  const sums = await engine.administer(
    `select 'entries ' || stream_id as name, md5(string_agg(${COLUMNS}, E'\\n' order by seq)) as sum
       from entries group by stream_id
     union all
     select 'messages ' || channel_id, md5(string_agg(${MESSAGE_COLUMNS}, E'\\n' order by seq))
       from messages group by channel_id`,
    url,
  );
  return Object.fromEntries(sums.map(({ name, sum }) => [String(name), String(sum)]));
}
