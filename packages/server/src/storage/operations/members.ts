import type { Member } from '@parley/protocol';
import { fail } from '@parley/protocol/errors';
import { verbToRemove } from '../../domain/permission.ts';
import type { OperationInput } from '../store.ts';
import { accessAsMember, accessChannel, findMembership, findUsers, requireLiving, requireRight } from './access.ts';
import type { Context } from './context.ts';
import { admit, appoint, dismiss } from './membership.ts';
import { memberFrom, USER_COLUMNS } from './rows.ts';

export async function listMembers(
  context: Context,
  { userId, channelId, after, limit }: OperationInput<'listMembers'>,
): Promise<{ members: Member[]; next: string | null }> {
  await accessAsMember(context, userId, channelId);
  const rows = await selectMembers(context, channelId)
    .$if(after !== undefined, (query) => query.where('users.username_key', '>', (after ?? '').toLowerCase()))
    .orderBy('users.username_key')
    .limit(limit + 1)
    .execute();
  const page = rows.slice(0, limit).map(memberFrom);
  return { members: page, next: rows.length > limit ? (page.at(-1)?.user.username ?? null) : null };
}

export async function addMembers(
  context: Context,
  { actorId, channelId, usernames, at }: OperationInput<'addMembers'>,
): Promise<{ added: string[]; already: string[] }> {
  const access = await accessChannel(context, actorId, channelId);
  requireRight(access, 'add-members');
  requireLiving(access);
  const added: string[] = [];
  const already: string[] = [];
  for (const user of await findUsers(context, usernames)) {
    if (await findMembership(context, channelId, user.id)) {
      already.push(user.username);
    } else {
      await admit(context, access.channel, user.id, 'member', { actorId, at });
      added.push(user.username);
    }
  }
  return { added, already };
}

export async function changeMemberRole(
  context: Context,
  { actorId, channelId, userId, role, at }: OperationInput<'changeMemberRole'>,
): Promise<Member> {
  const access = await accessChannel(context, actorId, channelId);
  requireRight(access, 'change-roles');
  requireLiving(access);
  const target = await requireMember(context, channelId, userId);
  if (target.role !== role) {
    if (target.role === 'owner' && (await countOwners(context, channelId)) === 1) throw fail('last_owner');
    await appoint(context, channelId, userId, role, { actorId, at });
  }
  const row = await selectMembers(context, channelId).where('users.id', '=', userId).executeTakeFirstOrThrow();
  return memberFrom(row);
}

export async function removeMember(
  context: Context,
  { actorId, channelId, userId, at }: OperationInput<'removeMember'>,
): Promise<void> {
  if (userId === actorId) return leaveChannel(context, { userId, channelId, at });
  const access = await accessChannel(context, actorId, channelId);
  requireRight(access, 'read');
  const target = await requireMember(context, channelId, userId);
  requireRight(access, verbToRemove(target.role));
  await dismiss(context, channelId, userId, 'member.removed', { actorId, at });
}

export async function leaveChannel(
  context: Context,
  { userId, channelId, at }: OperationInput<'leaveChannel'>,
): Promise<void> {
  const { channel, membership } = await accessAsMember(context, userId, channelId);
  if (channel.kind === 'direct') throw fail('direct_fixed');
  const by = { actorId: userId, at };
  await dismiss(context, channelId, userId, 'member.left', by);
  if (membership.role === 'owner' && (await countOwners(context, channelId)) === 0) {
    const heir = await findHeir(context, channelId);
    if (heir) await appoint(context, channelId, heir, 'owner', by);
  }
}

function selectMembers({ database }: Context, channelId: string) {
  return database
    .selectFrom('memberships')
    .innerJoin('users', 'users.id', 'memberships.user_id')
    .select(USER_COLUMNS)
    .select(['memberships.role as member_role', 'memberships.joined_at'])
    .where('memberships.channel_id', '=', channelId);
}

async function requireMember(context: Context, channelId: string, userId: string) {
  const membership = await findMembership(context, channelId, userId);
  if (!membership) throw fail('user_not_found', 'This person is not a member of the channel.');
  return membership;
}

async function countOwners({ database }: Context, channelId: string): Promise<number> {
  const { owners } = await database
    .selectFrom('memberships')
    .select(({ fn }) => fn.countAll<number>().as('owners'))
    .where('channel_id', '=', channelId)
    .where('role', '=', 'owner')
    .executeTakeFirstOrThrow();
  return Number(owners);
}

/** Who becomes owner when the last one leaves: the longest-standing moderator, else the longest-standing member. */
async function findHeir({ database }: Context, channelId: string): Promise<string | undefined> {
  const heir = await database
    .selectFrom('memberships')
    .select('user_id')
    .where('channel_id', '=', channelId)
    .orderBy('role', 'desc')
    .orderBy('joined_seq')
    .limit(1)
    .executeTakeFirst();
  return heir?.user_id;
}
