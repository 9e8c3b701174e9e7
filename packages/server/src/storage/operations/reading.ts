import type { Message } from '@parley/protocol';
import type { MessageRange, OperationInput } from '../store.ts';
import { accessAsMember } from './access.ts';
import { append, type Context } from './context.ts';
import { messageFrom } from './rows.ts';

/** A page of messages, ascending by seq: the latest, or those before, after or around a seq. */
export async function listMessages(
  context: Context,
  { userId, channelId, before, after, around, limit }: MessageRange,
): Promise<{ messages: Message[]; head: number }> {
  const { channel } = await accessAsMember(context, userId, channelId);
  if (around !== undefined) {
    const newer = await messagesAfter(context, channelId, around - 1, limit);
    const older = await messagesBefore(context, channelId, around, limit);
    return { messages: middle(older, newer, limit), head: channel.head };
  }
  const messages =
    after === undefined
      ? await messagesBefore(context, channelId, before ?? Number.MAX_SAFE_INTEGER, limit)
      : await messagesAfter(context, channelId, after, limit);
  return { messages, head: channel.head };
}

/**
 * Moves the reader's cursor forward to the last message at or below `seq`. Unread is arithmetic (rule U1): the
 * channel's messages less the ordinal of the last one read.
 */
export async function advanceRead(
  context: Context,
  { userId, channelId, seq, at }: OperationInput<'advanceRead'>,
): Promise<{ seq: number; unread: number }> {
  const { channel, membership } = await accessAsMember(context, userId, channelId);
  const reached = Math.min(seq, channel.head);
  if (reached <= membership.read_seq) {
    return { seq: membership.read_seq, unread: channel.message_count - membership.read_ordinal };
  }
  const last = await context.database
    .selectFrom('messages')
    .select('ordinal')
    .where('channel_id', '=', channelId)
    .where('seq', '<=', reached)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const ordinal = Math.max(last?.ordinal ?? 0, membership.read_ordinal);
  await context.database
    .updateTable('memberships')
    .set({ read_seq: reached, read_ordinal: ordinal })
    .where('channel_id', '=', channelId)
    .where('user_id', '=', userId)
    .execute();
  await append(context, userId, { type: 'read.advanced', channelId, seq: reached, ordinal }, { actorId: userId, at });
  return { seq: reached, unread: channel.message_count - ordinal };
}

/** At most `limit` on both sides of where the two meet: half of each, or more of one where the other has less. */
function middle(older: readonly Message[], newer: readonly Message[], limit: number): Message[] {
  const after = Math.min(newer.length, Math.max(Math.ceil(limit / 2), limit - older.length));
  const before = Math.min(older.length, limit - after);
  return [...older.slice(older.length - before), ...newer.slice(0, after)];
}

async function messagesAfter({ database }: Context, channelId: string, seq: number, limit: number) {
  const rows = await database
    .selectFrom('messages')
    .selectAll()
    .where('channel_id', '=', channelId)
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(messageFrom);
}

async function messagesBefore({ database }: Context, channelId: string, seq: number, limit: number) {
  const rows = await database
    .selectFrom('messages')
    .selectAll()
    .where('channel_id', '=', channelId)
    .where('seq', '<', seq)
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
  return rows.reverse().map(messageFrom);
}
