import type { Message } from '@parley/protocol';
import { can, isVisible } from '../../domain/permission.ts';
import type { MessageToPost, PostOutcome } from '../store.ts';
import { type Context, insertMany, timestamp } from './context.ts';
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

/**
 * Posts a whole batch in one transaction (group commit): reads what the batch needs in one statement a table, decides
 * message by message in the order given, then inserts what was accepted in few statements.
 */
export async function postMessages(context: Context, batch: readonly MessageToPost[]): Promise<PostOutcome[]> {
  const channels = await openChannels(context, batch);
  const known = await findMessages(context, batch);
  const posted: Message[] = [];
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
    posted.push(accepted);
    return { status: 'posted', message: accepted, channelName: channel.name };
  });
  if (posted.length > 0) await appendMessages(context, posted, channels);
  return outcomes;
}

function isSame(existing: Message, { channelId, authorId, body }: MessageToPost): boolean {
  return existing.channelId === channelId && existing.authorId === authorId && existing.body === body;
}

function extend(channel: OpenChannel, { id, authorId, body, at }: MessageToPost): Message {
  channel.head += 1;
  channel.messageCount += 1;
  const message: Message = {
    id,
    channelId: channel.id,
    seq: channel.head,
    ordinal: channel.messageCount,
    authorId,
    body,
    createdAt: timestamp(at),
    rev: 1,
  };
  channel.lastByAuthor.set(authorId, message);
  return message;
}

async function openChannels({ database }: Context, batch: readonly MessageToPost[]): Promise<Map<string, OpenChannel>> {
  const ids = padded(batch.map((message) => message.channelId));
  const rows = await database
    .selectFrom('streams')
    .innerJoin('channels', 'channels.id', 'streams.id')
    .select(['streams.id', 'kind', 'name', 'archived', 'head', 'message_count'])
    .where('streams.id', 'in', ids)
    .execute();
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
  const memberships = await database
    .selectFrom('memberships')
    .select(['channel_id', 'user_id', 'role'])
    .where('channel_id', 'in', ids)
    .where('user_id', 'in', padded(batch.map((message) => message.authorId)))
    .execute();
  for (const { channel_id, user_id, role } of memberships) channels.get(channel_id)?.roles.set(user_id, role);
  return channels;
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
  posted: readonly Message[],
  channels: ReadonlyMap<string, OpenChannel>,
): Promise<void> {
  await insertMany(
    context,
    'entries',
    posted.map((message) => ({
      stream_id: message.channelId,
      seq: message.seq,
      at: Date.parse(message.createdAt),
      actor_id: message.authorId,
      type: 'message.posted',
      payload: null,
    })),
  );
  await insertMany(
    context,
    'messages',
    posted.map((message) => ({
      id: message.id,
      channel_id: message.channelId,
      seq: message.seq,
      ordinal: message.ordinal,
      author_id: message.authorId,
      body: message.body,
      created_at: Date.parse(message.createdAt),
      rev: message.rev,
    })),
  );
  for (const channel of channels.values()) {
    if (channel.head > channel.headBefore) await closeChannel(context, channel);
  }
  for (const message of posted) {
    const { channelId: stream, seq, createdAt: at, authorId: actor } = message;
    context.entries.push({ stream, seq, at, actor, event: { type: 'message.posted', message } });
  }
}

async function closeChannel({ database }: Context, channel: OpenChannel): Promise<void> {
  await database
    .updateTable('streams')
    .set({ head: channel.head, message_count: channel.messageCount })
    .where('id', '=', channel.id)
    .execute();
  for (const [authorId, { seq, ordinal }] of channel.lastByAuthor) {
    await database
      .updateTable('memberships')
      .set({ read_seq: seq, read_ordinal: ordinal })
      .where('channel_id', '=', channel.id)
      .where('user_id', '=', authorId)
      .execute();
  }
}

/** The distinct values, the last one repeated up to a power of two: few statement texts serve every batch size. */
function padded(values: readonly string[]): string[] {
  const distinct = [...new Set(values)];
  const last = distinct.at(-1);
  const size = 2 ** Math.ceil(Math.log2(distinct.length));
  while (last !== undefined && distinct.length < size) distinct.push(last);
  return distinct;
}
