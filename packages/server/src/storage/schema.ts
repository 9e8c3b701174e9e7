import type { ChannelKind, ChannelRole, WorkspaceRole } from '@parley/protocol';

// Ids are text, times whole milliseconds since 1970, booleans 0 or 1: the same on every engine.

interface Users {
  id: string;
  username: string;
  /** The username in lower case: unique. */
  username_key: string;
  display_name: string;
  role: WorkspaceRole;
  password_hash: string;
  created_at: number;
}

interface Sessions {
  id: string;
  user_id: string;
  created_at: number;
  expires_at: number;
  ended_at: number | null;
}

interface RefreshTokens {
  hash: string;
  session_id: string;
  created_at: number;
  spent_at: number | null;
}

/** Locking a stream's row gives the right to append to its log. */
interface Streams {
  id: string;
  head: number;
  message_count: number;
}

interface Channels {
  id: string;
  kind: ChannelKind;
  name: string | null;
  /** The folded name of a public channel: unique. Private names are nobody else's business, so they do not collide. */
  name_key: string | null;
  /** The sorted ids of a direct conversation's people: unique. */
  direct_key: string | null;
  topic: string;
  archived: number;
  rev: number;
  member_count: number;
  created_at: number;
  created_by: string;
}

interface Memberships {
  channel_id: string;
  user_id: string;
  role: ChannelRole;
  joined_seq: number;
  joined_at: number;
  read_seq: number;
  read_ordinal: number;
}

interface Entries {
  stream_id: string;
  seq: number;
  at: number;
  actor_id: string | null;
  type: string;
  /** The event's JSON without its type; null for a message, whose row in `messages` has the same stream and seq. */
  payload: string | null;
}

interface Messages {
  id: string;
  channel_id: string;
  seq: number;
  ordinal: number;
  author_id: string;
  body: string;
  created_at: number;
  rev: number;
}

/** Facts about the database itself: its epoch. */
interface Facts {
  name: string;
  value: string;
}

export interface Schema {
  users: Users;
  sessions: Sessions;
  refresh_tokens: RefreshTokens;
  streams: Streams;
  channels: Channels;
  memberships: Memberships;
  entries: Entries;
  messages: Messages;
  facts: Facts;
}
