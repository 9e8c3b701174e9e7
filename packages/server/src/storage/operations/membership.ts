import type { ChannelRole } from '@parley/protocol';
import { sql } from 'kysely';
import { append, type Context } from './context.ts';
import { type ChannelRow, myChannelFrom } from './rows.ts';

interface By {
  readonly actorId: string;
  readonly at: number;
}

/**
 * Makes a person a member: an entry of the channel's log, and one of their own that carries the channel as it stands
 * there, from which their clients go on. What was said before counts as read.
 */
export async function admit(
  context: Context,
  channel: ChannelRow,
  userId: string,
  role: ChannelRole,
  by: By,
): Promise<void> {
  const head = await append(context, channel.id, { type: 'member.joined', userId, role }, by);
  const { member_count } = await countMembers(context, channel.id, 1);
  const { message_count } = await context.database
    .selectFrom('streams')
    .select('message_count')
    .where('id', '=', channel.id)
    .executeTakeFirstOrThrow();
  const membership = { role, joined_seq: head, read_seq: head, read_ordinal: message_count };
  await context.database
    .insertInto('memberships')
    .values({ channel_id: channel.id, user_id: userId, joined_at: by.at, ...membership })
    .execute();
  const joined = myChannelFrom({ ...channel, head, message_count, member_count }, membership);
  await append(context, userId, { type: 'membership.added', channel: joined }, by);
}

/** Ends a membership: entry r of the channel's log is the last that this person is sent (rule A1). */
export async function dismiss(
  context: Context,
  channelId: string,
  userId: string,
  type: 'member.left' | 'member.removed',
  by: By,
): Promise<void> {
  await context.database
    .deleteFrom('memberships')
    .where('channel_id', '=', channelId)
    .where('user_id', '=', userId)
    .execute();
  await countMembers(context, channelId, -1);
  const seq = await append(context, channelId, { type, userId }, by);
  await append(context, userId, { type: 'membership.removed', channelId, seq }, by);
}

/** Gives a member another role. */
export async function appoint(
  context: Context,
  channelId: string,
  userId: string,
  role: ChannelRole,
  by: By,
): Promise<void> {
  await context.database
    .updateTable('memberships')
    .set({ role })
    .where('channel_id', '=', channelId)
    .where('user_id', '=', userId)
    .execute();
  await append(context, channelId, { type: 'member.role_changed', userId, role }, by);
}

function countMembers({ database }: Context, channelId: string, change: 1 | -1) {
  return database
    .updateTable('channels')
    .set({ member_count: sql<number>`member_count + ${change}` })
    .where('id', '=', channelId)
    .returning('member_count')
    .executeTakeFirstOrThrow();
}
