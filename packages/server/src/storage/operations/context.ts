import type { Entry, Event } from '@parley/protocol';
import { CompiledQuery, type Kysely, sql } from 'kysely';
import type { Schema } from '../schema.ts';

/** What an operation works with: the open transaction, and the entries it has appended so far. */
export interface Context {
  readonly database: Kysely<Schema>;
  readonly entries: Entry[];
}

/** ISO 8601 of a stored time. */
export function timestamp(millis: number): string {
  return new Date(millis).toISOString();
}

/** A stored event: its type has a column of its own. */
export function payloadOf({ type: _, ...payload }: Event): string {
  return JSON.stringify(payload);
}

/** Appends one event to a stream's log under the stream's row lock, and returns its seq. */
export async function append(
  context: Context,
  stream: string,
  event: Event,
  by: { actorId: string | null; at: number },
): Promise<number> {
  const { head } = await context.database
    .updateTable('streams')
    .set({ head: sql<number>`head + 1` })
    .where('id', '=', stream)
    .returning('head')
    .executeTakeFirstOrThrow();
  await context.database
    .insertInto('entries')
    .values({
      stream_id: stream,
      seq: head,
      at: by.at,
      actor_id: by.actorId,
      type: event.type,
      payload: payloadOf(event),
    })
    .execute();
  context.entries.push({ stream, seq: head, at: timestamp(by.at), actor: by.actorId, event });
  return head;
}

/** Opens a stream's log, empty. */
export async function openStream(context: Context, stream: string): Promise<void> {
  await context.database.insertInto('streams').values({ id: stream, head: 0, message_count: 0 }).execute();
}

const CHUNKS = [64, 16, 4, 1] as const;
const insertTexts = new Map<string, string>();

/**
 * Inserts many rows in few statements, whose texts are compiled once for each chunk size. Every row names the same
 * columns in the same order.
 */
export async function insertMany<Table extends keyof Schema>(
  context: Context,
  table: Table,
  rows: readonly Schema[Table][],
): Promise<void> {
  let done = 0;
  for (const size of CHUNKS) {
    for (; rows.length - done >= size; done += size) {
      const chunk = rows.slice(done, done + size);
      const key = `${table} ${size}`;
      let text = insertTexts.get(key);
      if (text === undefined) {
        // biome-ignore lint/suspicious/noExplicitAny: the rows are typed above; Kysely cannot follow a generic table
        text = (context.database as Kysely<any>).insertInto(table).values(chunk).compile().sql;
        insertTexts.set(key, text);
      }
      await context.database.executeQuery(
        CompiledQuery.raw(
          text,
          chunk.flatMap((row) => Object.values(row)),
        ),
      );
    }
  }
}
