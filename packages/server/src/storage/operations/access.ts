import { fail } from '@parley/protocol/errors';
import { can, isVisible, type Standing, type Verb } from '../../domain/permission.ts';
import { type Context, padded } from './context.ts';
import type { ChannelRow, MembershipRow, UserRow } from './rows.ts';
import { USER_COLUMNS } from './rows.ts';

/** A channel as one person stands to it. */
export interface ChannelAccess {
  readonly channel: ChannelRow;
  readonly membership: MembershipRow | undefined;
  readonly standing: Standing;
}

/**
 * The only door to a channel: one that the person may not see answers as one that does not exist.
 * @throws channel_not_found
 */
export async function accessChannel(context: Context, userId: string, channelId: string): Promise<ChannelAccess> {
  const row = await context.database
    .selectFrom('channels')
    .innerJoin('streams', 'streams.id', 'channels.id')
    .leftJoin('memberships', (join) =>
      join.onRef('memberships.channel_id', '=', 'channels.id').on('memberships.user_id', '=', userId),
    )
    .selectAll('channels')
    .select(['streams.head', 'streams.message_count'])
    .select(['memberships.role', 'memberships.joined_seq', 'memberships.read_seq', 'memberships.read_ordinal'])
    .where('channels.id', '=', channelId)
    .executeTakeFirst();
  if (!row) throw fail('channel_not_found');
  const { role, joined_seq, read_seq, read_ordinal, ...channel } = row;
  const membership = role === null ? undefined : ({ role, joined_seq, read_seq, read_ordinal } as MembershipRow);
  const standing = role ?? 'outsider';
  if (!isVisible(standing, channel.kind)) throw fail('channel_not_found');
  return { channel, membership, standing };
}

/** @throws not_a_member, direct_fixed, forbidden: why this person may not do this here. */
export function requireRight({ channel, standing }: ChannelAccess, verb: Verb): void {
  if (can(standing, verb, channel.kind)) return;
  if (standing === 'outsider') throw fail('not_a_member');
  if (channel.kind === 'direct') throw fail('direct_fixed');
  throw fail('forbidden');
}

/** @throws channel_archived */
export function requireLiving({ channel }: ChannelAccess): void {
  if (channel.archived) throw fail('channel_archived');
}

/** @throws channel_not_found, not_a_member */
export async function accessAsMember(
  context: Context,
  userId: string,
  channelId: string,
): Promise<ChannelAccess & { membership: MembershipRow }> {
  const access = await accessChannel(context, userId, channelId);
  if (!access.membership) throw fail('not_a_member');
  return { ...access, membership: access.membership };
}

export function findMembership(
  context: Context,
  channelId: string,
  userId: string,
): Promise<MembershipRow | undefined> {
  return context.database
    .selectFrom('memberships')
    .select(['role', 'joined_seq', 'read_seq', 'read_ordinal'])
    .where('channel_id', '=', channelId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
}

/**
 * The people of these usernames, each once, in the order given; letter case does not matter.
 * @throws user_not_found, naming every unknown one
 */
export async function findUsers(context: Context, usernames: readonly string[]): Promise<UserRow[]> {
  const keys = [...new Set(usernames.map((username) => username.toLowerCase()))];
  if (keys.length === 0) return [];
  const rows = await context.database
    .selectFrom('users')
    .select([...USER_COLUMNS, 'users.username_key'])
    .where('username_key', 'in', padded(keys))
    .execute();
  const byKey = new Map(rows.map((row) => [row.username_key, row]));
  const unknown = usernames.filter((username) => !byKey.has(username.toLowerCase()));
  if (unknown.length > 0) {
    throw fail('user_not_found', {
      detail: `There is nobody called ${unknown.join(', ')}.`,
      errors: unknown.map((username) => ({ path: 'usernames', message: `unknown: ${username}` })),
    });
  }
  return keys.map((key) => byKey.get(key) as UserRow);
}
