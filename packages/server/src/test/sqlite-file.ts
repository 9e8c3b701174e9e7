import { DatabaseSync } from 'node:sqlite';
import type { Stored } from './history.ts';

/** The messages of some channels, straight from the file, beside a server that uses it. */
export function storedInSqlite(path: string, channelIds: readonly string[]): readonly Stored[] {
  const rows = reading(path, 'select id, channel_id as channelId, seq from messages') as unknown as Stored[];
  return rows.filter(({ channelId }) => channelIds.includes(channelId));
}

/** What SQLite says of the file as a whole: `ok` where nothing is damaged. */
export function integrityOf(path: string): unknown {
  return reading(path, 'pragma integrity_check')[0]?.integrity_check;
}

function reading(path: string, statement: string): Record<string, unknown>[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare(statement).all();
  } finally {
    database.close();
  }
}
