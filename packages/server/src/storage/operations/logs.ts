import type { Cursors, Entry, Event, Snapshot } from '@parley/protocol';
import { fail } from '@parley/protocol/errors';
import { WORKSPACE_STREAM } from '@parley/protocol/streams';
import { sql } from 'kysely';
import type { OperationInput, Subscription } from '../store.ts';
import { timestamp } from '../timestamp.ts';
import { accessAsMember } from './access.ts';
import { listDirectory, listMyChannels } from './channels.ts';
import { type Context, padded } from './context.ts';
import { messageFrom, USER_COLUMNS, userFrom } from './rows.ts';

interface Page {
  entries: Entry[];
  head: number;
}

/** Bodies that one page may hold together; their sizes are only looked at where there are enough to exceed it. */
const MOST_BODY_BYTES = 256 * 1024;
const LARGEST_BODY_BYTES = 4 * 8_000;

export async function readLog(context: Context, { userId, ...range }: OperationInput<'readLog'>): Promise<Page> {
  if (range.stream !== WORKSPACE_STREAM && range.stream !== userId) {
    await accessAsMember(context, userId, range.stream);
  }
  return readEntries(context, range);
}

export async function readHead(context: Context, { userId, channelId }: OperationInput<'readHead'>): Promise<number> {
  const { channel } = await accessAsMember(context, userId, channelId);
  return channel.head;
}

/** A page ends early, after its first entry at the earliest, where its messages would be too much to hold at once. */
export async function readEntries(
  context: Context,
  { stream, after, limit }: OperationInput<'readEntries'>,
): Promise<Page> {
  const { database } = context;
  const found = await database.selectFrom('streams').select('head').where('id', '=', stream).executeTakeFirst();
  if (!found) throw fail('not_found');
  if (after >= found.head) return { entries: [], head: found.head };
  const inRange = await database
    .selectFrom('entries')
    .select(['seq', 'at', 'actor_id', 'type', 'payload'])
    .where('stream_id', '=', stream)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  const rows = await thoseThatFit(context, stream, inRange);
  const messages = await messagesOf(context, stream, rows);
  const entries = rows.map((row): Entry => {
    const message = messages.get(row.seq);
    const event = message ? { message } : JSON.parse(row.payload ?? '{}');
    return {
      stream,
      seq: row.seq,
      at: timestamp(row.at),
      actor: row.actor_id,
      event: { type: row.type, ...event } as Event,
    };
  });
  return { entries, head: found.head };
}

async function thoseThatFit<Row extends { seq: number; type: string }>(
  { database }: Context,
  stream: string,
  rows: Row[],
): Promise<Row[]> {
  const posted = rows.filter((row) => row.type === 'message.posted');
  if (posted.length * LARGEST_BODY_BYTES <= MOST_BODY_BYTES) return rows;
  const sizes = await database
    .selectFrom('messages')
    .select(['seq', sql<number>`octet_length(body)`.as('bytes')])
    .where('channel_id', '=', stream)
    .where('seq', '>=', posted[0]?.seq ?? 0)
    .where('seq', '<=', posted.at(-1)?.seq ?? 0)
    .orderBy('seq')
    .execute();
  let total = 0;
  for (const { seq, bytes } of sizes) {
    total += bytes;
    if (total > MOST_BODY_BYTES) return rows.filter((row) => row.seq < seq);
  }
  return rows;
}

async function messagesOf({ database }: Context, stream: string, rows: readonly { seq: number; type: string }[]) {
  const posted = rows.filter((row) => row.type === 'message.posted');
  const first = posted[0];
  const last = posted.at(-1);
  if (!first || !last) return new Map();
  const messages = await database
    .selectFrom('messages')
    .selectAll()
    .where('channel_id', '=', stream)
    .where('seq', '>=', first.seq)
    .where('seq', '<=', last.seq)
    .execute();
  return new Map(messages.map((row) => [row.seq, messageFrom(row)]));
}

export async function readHeads({ database }: Context, { streams }: OperationInput<'readHeads'>): Promise<Cursors> {
  const heads: Cursors = {};
  for (let start = 0; start < streams.length; start += 500) {
    const rows = await database
      .selectFrom('streams')
      .select(['id', 'head'])
      .where('id', 'in', padded(streams.slice(start, start + 500)))
      .execute();
    for (const { id, head } of rows) heads[id] = head;
  }
  return heads;
}

/** One statement, because everybody who connects asks twice. */
export async function listSubscriptions(
  { database }: Context,
  { userId }: OperationInput<'listSubscriptions'>,
): Promise<Subscription[]> {
  const rows = await database
    .selectFrom('streams')
    .select(['id', 'head', sql<number>`0`.as('joined_seq')])
    .where('id', 'in', [WORKSPACE_STREAM, userId])
    .unionAll(
      database
        .selectFrom('memberships')
        .innerJoin('streams', 'streams.id', 'memberships.channel_id')
        .select(['streams.id', 'streams.head', 'memberships.joined_seq'])
        .where('memberships.user_id', '=', userId),
    )
    .execute();
  return rows.map(({ id, head, joined_seq }) => ({ stream: id, head, joinedSeq: joined_seq }));
}

/** Everything a client starts from, in one transaction, so that state and cursors are of the same moment (rule R2). */
export async function bootstrap(context: Context, { userId }: OperationInput<'bootstrap'>): Promise<Snapshot> {
  const { database } = context;
  const users = await database.selectFrom('users').select(USER_COLUMNS).orderBy('username_key').execute();
  const me = users.find((user) => user.id === userId);
  if (!me) throw fail('not_found');
  const cursors: Cursors = {};
  for (const { stream, head } of await listSubscriptions(context, { userId })) cursors[stream] = head;
  return {
    epoch: await readEpoch(context),
    user: userFrom(me),
    users: users.map(userFrom),
    channels: await listMyChannels(context, { userId }),
    directory: await listDirectory(context),
    cursors,
  };
}

export async function readEpoch({ database }: Pick<Context, 'database'>): Promise<string> {
  const { value } = await database
    .selectFrom('facts')
    .select('value')
    .where('name', '=', 'epoch')
    .executeTakeFirstOrThrow();
  return value;
}

/** Commits a trifle, so that a full disk or a lost database shows. */
export async function ping({ database }: Context): Promise<void> {
  await database
    .insertInto('facts')
    .values({ name: 'last_ping', value: String(Date.now()) })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: String(Date.now()) }))
    .execute();
}
