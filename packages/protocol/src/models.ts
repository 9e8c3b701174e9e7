import * as z from 'zod/mini';
import { Id, Seq, StreamId } from './ids.ts';
import { label, text } from './text.ts';

/** ISO 8601, UTC, milliseconds. For people to read: order comes from `seq`, never from a clock. */
export const Timestamp = z.iso.datetime();

export const Username = z
  .string()
  .check(z.regex(/^[A-Za-z0-9_.-]{3,32}$/, 'needs 3 to 32 of the letters A–Z and a–z, digits, "_", "." and "-"'));
export const DisplayName = label(1, 64);
export const ChannelName = label(1, 80);
export const Topic = text(0, 250);
export const MessageBody = text(1, 8_000);

/** What a person is to the whole workspace. */
export const WorkspaceRole = z.enum(['owner', 'member']);
export type WorkspaceRole = z.infer<typeof WorkspaceRole>;

/** What a member is to one channel. */
export const ChannelRole = z.enum(['owner', 'moderator', 'member']);
export type ChannelRole = z.infer<typeof ChannelRole>;

/** Whether somebody is there: `away` where all of their clients say that nobody is at them. */
export const PresenceState = z.enum(['online', 'away', 'offline']);
export type PresenceState = z.infer<typeof PresenceState>;

export const ChannelKind = z.enum(['public', 'private', 'direct']);
export type ChannelKind = z.infer<typeof ChannelKind>;

export const User = z.object({
  id: Id,
  username: z.string(),
  displayName: z.string(),
  role: WorkspaceRole,
});
export type User = z.infer<typeof User>;

export const Channel = z.object({
  id: Id,
  kind: ChannelKind,
  /** Null for a direct conversation: clients show its participants instead. */
  name: z.nullable(z.string()),
  topic: z.string(),
  archived: z.boolean(),
  /** Raised by each change of name, topic or archived; a change carries the one it was based on. */
  rev: z.int(),
  /** The seq of the last entry in the channel's log. */
  head: Seq,
  /** How many of those entries are messages. */
  messageCount: z.int(),
  memberCount: z.int(),
  createdAt: Timestamp,
  createdBy: Id,
  /** Direct conversations alone: the ids of the people in it, ascending. It never changes. */
  participants: z.optional(z.array(Id)),
});
export type Channel = z.infer<typeof Channel>;

/**
 * A channel as one of its members sees it. `unread = messageCount − readOrdinal` at any point of the log: the cursor
 * names the last message read, and sending a message reads up to it.
 */
export const MyChannel = z.extend(Channel, {
  role: ChannelRole,
  readSeq: Seq,
  readOrdinal: z.int(),
  unread: z.int(),
});
export type MyChannel = z.infer<typeof MyChannel>;

/** A channel as anyone who may see it sees it: the member's fields are there for members alone. */
export const ChannelView = z.extend(Channel, {
  role: z.optional(ChannelRole),
  readSeq: z.optional(Seq),
  readOrdinal: z.optional(z.int()),
  unread: z.optional(z.int()),
});
export type ChannelView = z.infer<typeof ChannelView>;

/** A public channel as the workspace's directory lists it. */
export const ListedChannel = z.object({ id: Id, name: z.string(), topic: z.string() });
export type ListedChannel = z.infer<typeof ListedChannel>;

export const Member = z.object({ user: User, role: ChannelRole, joinedAt: Timestamp });
export type Member = z.infer<typeof Member>;

export const Message = z.object({
  /** Named by the sender; also the idempotency key of the send. */
  id: Id,
  channelId: Id,
  seq: Seq,
  /** The message's place among the channel's messages, dense from 1. */
  ordinal: z.int(),
  authorId: Id,
  body: z.string(),
  createdAt: Timestamp,
  rev: z.int(),
});
export type Message = z.infer<typeof Message>;

const event = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
  z.object({ type: z.literal(type), ...shape });

/** What an entry of a log says. The first group stands in channel streams, then user streams, then the workspace. */
export const Event = z.discriminatedUnion('type', [
  event('channel.created', { channel: Channel }),
  event('channel.updated', { name: z.nullable(z.string()), topic: z.string(), archived: z.boolean(), rev: z.int() }),
  event('member.joined', { userId: Id, role: ChannelRole }),
  event('member.left', { userId: Id }),
  event('member.removed', { userId: Id }),
  event('member.role_changed', { userId: Id, role: ChannelRole }),
  event('message.posted', { message: Message }),

  event('membership.added', { channel: MyChannel }),
  event('membership.removed', { channelId: Id, seq: Seq }),
  event('read.advanced', { channelId: Id, seq: Seq, ordinal: z.int() }),
  event('session.ended', { sessionId: Id, reason: z.enum(['logout', 'token_reuse']) }),

  event('user.registered', { user: User }),
  event('user.updated', { user: User }),
  event('channel.listed', { channel: ListedChannel }),
  event('channel.unlisted', { channelId: Id }),
]);
export type Event = z.infer<typeof Event>;

/** One entry of a stream's log. `seq` is dense from 1; `actor` did it, null where nobody did. */
export const Entry = z.object({
  stream: StreamId,
  seq: z.int().check(z.minimum(1)),
  at: Timestamp,
  actor: z.nullable(Id),
  event: Event,
});
export type Entry = z.infer<typeof Entry>;

/** Where a reader stands in each stream. */
export const Cursors = z.record(StreamId, Seq);
export type Cursors = z.infer<typeof Cursors>;

/** Everything a client needs to start, taken at one moment: each stream goes on at exactly `cursors[stream] + 1`. */
export const Snapshot = z.object({
  epoch: Id,
  user: User,
  users: z.array(User),
  channels: z.array(MyChannel),
  directory: z.array(ListedChannel),
  cursors: Cursors,
});
export type Snapshot = z.infer<typeof Snapshot>;
