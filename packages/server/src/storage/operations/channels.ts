import type { ChannelView, ListedChannel, MyChannel } from '@parley/protocol';
import { fail } from '@parley/protocol/errors';
import { WORKSPACE_STREAM } from '@parley/protocol/streams';
import type { OperationInput } from '../store.ts';
import { accessAsMember, accessChannel, type ChannelAccess, findUsers, requireLiving, requireRight } from './access.ts';
import { append, type Context, openStream } from './context.ts';
import { admit } from './membership.ts';
import { type ChannelRow, channelFrom, channelViewFrom, myChannelFrom } from './rows.ts';

const nameKey = (name: string) => name.toLowerCase();

export async function createChannel(context: Context, input: OperationInput<'createChannel'>): Promise<MyChannel> {
  const { actorId, at } = input;
  const guests = await findUsers(context, input.usernames);
  if (input.kind === 'public') await requireFreeName(context, input.name);

  const channel = await openChannel(context, {
    id: input.id,
    kind: input.kind,
    name: input.name,
    name_key: input.kind === 'public' ? nameKey(input.name) : null,
    direct_key: null,
    topic: input.topic,
    actorId,
    at,
  });
  await admit(context, channel, actorId, 'owner', { actorId, at });
  for (const guest of guests) {
    if (guest.id !== actorId) await admit(context, channel, guest.id, 'member', { actorId, at });
  }
  if (input.kind === 'public') await list(context, channel, { actorId, at });
  return myChannel(context, actorId, channel.id);
}

export async function startConversation(
  context: Context,
  input: OperationInput<'startConversation'>,
): Promise<{ channel: MyChannel; created: boolean }> {
  const { actorId, at } = input;
  const others = await findUsers(context, input.usernames);
  const participants = [...new Set([actorId, ...others.map((user) => user.id)])].sort();
  const directKey = participants.join(',');

  const existing = await context.database
    .selectFrom('channels')
    .select('id')
    .where('direct_key', '=', directKey)
    .executeTakeFirst();
  if (existing) return { channel: await myChannel(context, actorId, existing.id), created: false };

  const channel = await openChannel(context, {
    id: input.id,
    kind: 'direct',
    name: null,
    name_key: null,
    direct_key: directKey,
    topic: '',
    actorId,
    at,
  });
  for (const participant of participants) await admit(context, channel, participant, 'member', { actorId, at });
  return { channel: await myChannel(context, actorId, channel.id), created: true };
}

export async function updateChannel(context: Context, input: OperationInput<'updateChannel'>): Promise<ChannelView> {
  const access = await accessChannel(context, input.actorId, input.channelId);
  requireEditable(access, input);

  const before = access.channel;
  const after = {
    name: input.name ?? before.name,
    topic: input.topic ?? before.topic,
    archived: input.archived === undefined ? before.archived : Number(input.archived),
  };
  const renamed = after.name !== before.name;
  if (!renamed && after.topic === before.topic && after.archived === before.archived) {
    return channelViewFrom(before, access.membership);
  }
  const isPublic = before.kind === 'public';
  if (isPublic && renamed && after.name) await requireFreeName(context, after.name, before.id);

  const by = { actorId: input.actorId, at: input.at };
  const rev = before.rev + 1;
  await context.database
    .updateTable('channels')
    .set({ ...after, rev, ...(isPublic && after.name ? { name_key: nameKey(after.name) } : {}) })
    .where('id', '=', before.id)
    .execute();
  const archived = after.archived === 1;
  const event = { type: 'channel.updated', name: after.name, topic: after.topic, archived, rev } as const;
  const head = await append(context, before.id, event, by);
  const channel: ChannelRow = { ...before, ...after, rev, head };
  if (isPublic && archived) await unlist(context, channel, by);
  else if (isPublic) await list(context, channel, by);
  return channelViewFrom(channel, access.membership);
}

function requireEditable(access: ChannelAccess, input: OperationInput<'updateChannel'>): void {
  if (input.archived !== undefined) requireRight(access, 'archive-channel');
  if (input.name !== undefined || input.topic !== undefined) {
    requireRight(access, 'edit-channel');
    if (input.archived !== false) requireLiving(access);
  }
  requireRight(access, 'edit-channel');
  if (input.rev !== access.channel.rev) {
    throw fail('rev_conflict', `The channel is at revision ${access.channel.rev}, not ${input.rev}.`);
  }
}

export async function listMyChannels(
  { database }: Context,
  { userId }: OperationInput<'listMyChannels'>,
): Promise<MyChannel[]> {
  const rows = await database
    .selectFrom('memberships')
    .innerJoin('channels', 'channels.id', 'memberships.channel_id')
    .innerJoin('streams', 'streams.id', 'channels.id')
    .selectAll('channels')
    .select(['streams.head', 'streams.message_count'])
    .select(['memberships.role', 'memberships.joined_seq', 'memberships.read_seq', 'memberships.read_ordinal'])
    .where('memberships.user_id', '=', userId)
    .orderBy('channels.name', (order) => order.asc().nullsFirst())
    .orderBy('channels.id')
    .execute();
  return rows.map((row) => myChannelFrom(row, row));
}

export async function discoverChannels(
  { database }: Context,
  { userId }: OperationInput<'discoverChannels'>,
): Promise<ChannelView[]> {
  const rows = await database
    .selectFrom('channels')
    .innerJoin('streams', 'streams.id', 'channels.id')
    .selectAll('channels')
    .select(['streams.head', 'streams.message_count'])
    .where('kind', '=', 'public')
    .where('archived', '=', 0)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('memberships')
            .select('user_id')
            .whereRef('memberships.channel_id', '=', 'channels.id')
            .where('memberships.user_id', '=', userId),
        ),
      ),
    )
    .orderBy('name_key')
    .execute();
  return rows.map(channelFrom);
}

export async function getChannel(
  context: Context,
  { userId, channelId }: OperationInput<'getChannel'>,
): Promise<ChannelView> {
  const { channel, membership } = await accessChannel(context, userId, channelId);
  return channelViewFrom(channel, membership);
}

export async function joinChannel(context: Context, input: OperationInput<'joinChannel'>): Promise<MyChannel> {
  const { userId, channelId, at } = input;
  const access = await accessChannel(context, userId, channelId);
  if (access.membership) return myChannelFrom(access.channel, access.membership);
  requireRight(access, 'join');
  requireLiving(access);
  // A channel that everybody has left would otherwise stay without an owner for ever.
  const role = access.channel.member_count === 0 ? 'owner' : 'member';
  await admit(context, access.channel, userId, role, { actorId: userId, at });
  return myChannel(context, userId, channelId);
}

/** The directory of public channels, as everybody's workspace stream keeps it. */
export async function listDirectory({ database }: Context): Promise<ListedChannel[]> {
  const rows = await database
    .selectFrom('channels')
    .select(['id', 'name', 'topic'])
    .where('kind', '=', 'public')
    .where('archived', '=', 0)
    .orderBy('name_key')
    .execute();
  return rows.map(({ id, name, topic }) => ({ id, name: name ?? '', topic }));
}

async function openChannel(
  context: Context,
  input: Pick<ChannelRow, 'id' | 'kind' | 'name' | 'name_key' | 'direct_key' | 'topic'> & {
    actorId: string;
    at: number;
  },
): Promise<ChannelRow> {
  const { actorId, at, ...named } = input;
  const row = { ...named, archived: 0, rev: 1, member_count: 0, created_at: at, created_by: actorId };
  await openStream(context, row.id);
  await context.database.insertInto('channels').values(row).execute();
  const opened: ChannelRow = { ...row, head: 1, message_count: 0 };
  await append(context, row.id, { type: 'channel.created', channel: channelFrom(opened) }, { actorId, at });
  return opened;
}

async function requireFreeName({ database }: Context, name: string, exceptId?: string): Promise<void> {
  const holder = await database
    .selectFrom('channels')
    .select('id')
    .where('name_key', '=', nameKey(name))
    .executeTakeFirst();
  if (holder && holder.id !== exceptId) throw fail('channel_name_taken');
}

async function list(context: Context, { id, name, topic }: ChannelRow, by: { actorId: string; at: number }) {
  const event = { type: 'channel.listed', channel: { id, name: name ?? '', topic } } as const;
  await append(context, WORKSPACE_STREAM, event, by);
}

async function unlist(context: Context, { id }: ChannelRow, by: { actorId: string; at: number }) {
  await append(context, WORKSPACE_STREAM, { type: 'channel.unlisted', channelId: id }, by);
}

async function myChannel(context: Context, userId: string, channelId: string): Promise<MyChannel> {
  const { channel, membership } = await accessAsMember(context, userId, channelId);
  return myChannelFrom(channel, membership);
}
