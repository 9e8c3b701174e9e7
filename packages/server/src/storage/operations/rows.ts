import type { Channel, ChannelView, Member, Message, MyChannel, User } from '@parley/protocol';
import type { Selectable } from 'kysely';
import type { Schema } from '../schema.ts';
import { timestamp } from '../timestamp.ts';

type Row<Table extends keyof Schema> = Selectable<Schema[Table]>;

export type UserRow = Pick<Row<'users'>, 'id' | 'username' | 'display_name' | 'role'>;
export type ChannelRow = Row<'channels'> & Pick<Row<'streams'>, 'head' | 'message_count'>;
export type MembershipRow = Pick<Row<'memberships'>, 'role' | 'joined_seq' | 'read_seq' | 'read_ordinal'>;

export const USER_COLUMNS = ['users.id', 'users.username', 'users.display_name', 'users.role'] as const;

export function userFrom(row: UserRow): User {
  return { id: row.id, username: row.username, displayName: row.display_name, role: row.role };
}

export function channelFrom(row: ChannelRow): Channel {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    topic: row.topic,
    archived: row.archived === 1,
    rev: row.rev,
    head: row.head,
    messageCount: row.message_count,
    memberCount: row.member_count,
    createdAt: timestamp(row.created_at),
    createdBy: row.created_by,
    ...(row.direct_key === null ? {} : { participants: row.direct_key.split(',') }),
  };
}

export function myChannelFrom(row: ChannelRow, membership: MembershipRow): MyChannel {
  return {
    ...channelFrom(row),
    role: membership.role,
    readSeq: membership.read_seq,
    readOrdinal: membership.read_ordinal,
    unread: row.message_count - membership.read_ordinal,
  };
}

export function channelViewFrom(row: ChannelRow, membership: MembershipRow | undefined): ChannelView {
  return membership ? myChannelFrom(row, membership) : channelFrom(row);
}

export function memberFrom(row: UserRow & { member_role: Member['role']; joined_at: number }): Member {
  return { user: userFrom(row), role: row.member_role, joinedAt: timestamp(row.joined_at) };
}

export function messageFrom(row: Row<'messages'>): Message {
  return {
    id: row.id,
    channelId: row.channel_id,
    seq: row.seq,
    ordinal: row.ordinal,
    authorId: row.author_id,
    body: row.body,
    createdAt: timestamp(row.created_at),
    rev: row.rev,
  };
}
