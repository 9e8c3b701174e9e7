import type { Entry, Event } from '@parley/protocol';
import { type Kysely, sql } from 'kysely';
import type { Schema } from '../schema.ts';
import { timestamp } from '../timestamp.ts';

/** What an operation works with: the open transaction, and the entries it has appended so far. */
export interface Context {
  readonly database: Kysely<Schema>;
  readonly engine: Engine;
  readonly entries: Entry[];
}

/** What is fast in another way on each engine. */
export interface Engine {
  /** Inserts rows that all name the same columns in the same order. */
  insertMany<Table extends keyof Schema>(table: Table, rows: readonly Schema[Table][]): Promise<void>;
  /** Sets, row by row, the columns beside the `keys` where the keys are equal. */
  updateMany<Table extends keyof Schema, Column extends keyof Schema[Table] & string>(
    table: Table,
    keys: readonly Column[],
    rows: readonly Pick<Schema[Table], Column>[],
  ): Promise<void>;
  /** Runs statements none of which needs another's answer: in their order, and in one trip where trips cost. */
  together<Statements extends readonly (() => Promise<unknown>)[]>(
    ...statements: Statements
  ): Promise<{ [Place in keyof Statements]: Awaited<ReturnType<Statements[Place]>> }>;
}

/** A stored event: its type has a column of its own. */
function payloadOf({ type: _, ...payload }: Event): string {
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

/** The distinct values, the last one repeated up to a power of two: few statement texts serve lists of every size. */
export function padded(values: readonly string[]): string[] {
  const distinct = [...new Set(values)];
  const last = distinct.at(-1);
  const size = 2 ** Math.ceil(Math.log2(distinct.length));
  while (last !== undefined && distinct.length < size) distinct.push(last);
  return distinct;
}
