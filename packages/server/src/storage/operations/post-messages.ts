import type { Message } from '@parley/protocol';
import { can, isVisible } from '../../domain/permission.ts';
import { postedEntry, postedMessage } from '../posted-message.ts';
import type { Schema } from '../schema.ts';
import type { MessageToPost, PostOutcome } from '../store.ts';
import { type Context, padded } from './context.ts';
import { messageFrom } from './rows.ts';

/** A channel while a batch is being posted: its log grows here first. */
interface OpenChannel {
  readonly id: string;
  readonly kind: 'public' | 'private' | 'direct';
  readonly name: string | null;
  readonly archived: boolean;
  readonly roles: Map<string, 'owner' | 'moderator' | 'member'>;
  readonly headBefore: number;
  head: number;
  messageCount: number;
  /** The last message of each author in this batch: sending reads up to it. */
  readonly lastByAuthor: Map<string, Message>;
}

/** A message that was accepted, and when, milliseconds since 1970. */
interface Posted {
  readonly message: Message;
  readonly at: number;
}

/**
 * Posts a whole batch in one transaction (group commit): reads what the batch needs in one statement a table, decides
 * message by message in the order given, then inserts what was accepted in few statements.
 */
export async function postMessages(context: Context, batch: readonly MessageToPost[]): Promise<PostOutcome[]> {
  if (batch.length === 0) return [];
  const [channelRows, memberships, known] = await context.engine.together(
    () => findChannels(context, batch),
    () => findMemberships(context, batch),
    () => findMessages(context, batch),
  );
  const channels = openChannels(channelRows, memberships);
  const posted: Posted[] = [];
  const outcomes = batch.map((message): PostOutcome => {
    const channel = channels.get(message.channelId);
    const existing = known.get(message.id);
    if (existing) {
      return isSame(existing, message)
        ? { status: 'duplicate', message: existing, channelName: channel?.name ?? null }
        : { status: 'refused', code: 'id_conflict' };
    }
    const role = channel?.roles.get(message.authorId);
    if (!channel || !isVisible(role ?? 'outsider', channel.kind))
      return { status: 'refused', code: 'channel_not_found' };
    if (!role || !can(role, 'post', channel.kind)) return { status: 'refused', code: 'not_a_member' };
    if (channel.archived) return { status: 'refused', code: 'channel_archived' };
    if (message.probe) return { status: 'absent', channelName: channel.name };

    const accepted = extend(channel, message);
    known.set(accepted.id, accepted);
    posted.push({ message: accepted, at: message.at });
    return { status: 'posted', message: accepted, channelName: channel.name };
  });
  if (posted.length > 0) await appendMessages(context, posted, channels);
  return outcomes;
}

function isSame(existing: Message, { channelId, authorId, body }: MessageToPost): boolean {
  return existing.channelId === channelId && existing.authorId === authorId && existing.body === body;
}

function extend(channel: OpenChannel, posting: MessageToPost): Message {
  channel.head += 1;
  channel.messageCount += 1;
  const message = postedMessage(posting, channel.head, channel.messageCount);
  channel.lastByAuthor.set(message.authorId, message);
  return message;
}

type ChannelRows = Awaited<ReturnType<typeof findChannels>>;
type MembershipRows = Awaited<ReturnType<typeof findMemberships>>;

function openChannels(rows: ChannelRows, memberships: MembershipRows): Map<string, OpenChannel> {
  const channels = new Map<string, OpenChannel>();
  for (const row of rows) {
    channels.set(row.id, {
      id: row.id,
      kind: row.kind,
      name: row.name,
      archived: row.archived === 1,
      roles: new Map(),
      headBefore: row.head,
      head: row.head,
      messageCount: row.message_count,
      lastByAuthor: new Map(),
    });
  }
  for (const { channel_id, user_id, role } of memberships) channels.get(channel_id)?.roles.set(user_id, role);
  return channels;
}

function findChannels({ database }: Context, batch: readonly MessageToPost[]) {
  return database
    .selectFrom('streams')
    .innerJoin('channels', 'channels.id', 'streams.id')
    .select(['streams.id', 'kind', 'name', 'archived', 'head', 'message_count'])
    .where('streams.id', 'in', padded(batch.map((message) => message.channelId)))
    .execute();
}

function findMemberships({ database }: Context, batch: readonly MessageToPost[]) {
  return database
    .selectFrom('memberships')
    .select(['channel_id', 'user_id', 'role'])
    .where('channel_id', 'in', padded(batch.map((message) => message.channelId)))
    .where('user_id', 'in', padded(batch.map((message) => message.authorId)))
    .execute();
}

async function findMessages({ database }: Context, batch: readonly MessageToPost[]): Promise<Map<string, Message>> {
  const rows = await database
    .selectFrom('messages')
    .selectAll()
    .where('id', 'in', padded(batch.map((message) => message.id)))
    .execute();
  return new Map(rows.map((row) => [row.id, messageFrom(row)]));
}

async function appendMessages(
  context: Context,
  posted: readonly Posted[],
  channels: ReadonlyMap<string, OpenChannel>,
): Promise<void> {
  const { engine } = context;
  const grown = [...channels.values()].filter((channel) => channel.head > channel.headBefore);
  await engine.together(
    () => engine.insertMany('entries', posted.map(entryRow)),
    () => engine.insertMany('messages', posted.map(messageRow)),
    () =>
      engine.updateMany(
        'streams',
        ['id'],
        grown.map(({ id, head, messageCount }) => ({ id, head, message_count: messageCount })),
      ),
    () => engine.updateMany('memberships', ['channel_id', 'user_id'], grown.flatMap(readCursors)),
  );
  for (const { message } of posted) context.entries.push(postedEntry(message));
}

function entryRow({ message: { channelId, seq, authorId }, at }: Posted): Schema['entries'] {
  return { stream_id: channelId, seq, at, actor_id: authorId, type: 'message.posted', payload: null };
}

function messageRow({ message, at }: Posted): Schema['messages'] {
  const { id, channelId, seq, ordinal, authorId, body, rev } = message;
  return { id, channel_id: channelId, seq, ordinal, author_id: authorId, body, created_at: at, rev };
}

function readCursors({ id, lastByAuthor }: OpenChannel) {
  return [...lastByAuthor].map(([userId, { seq, ordinal }]) => ({
    channel_id: id,
    user_id: userId,
    read_seq: seq,
    read_ordinal: ordinal,
  }));
}
