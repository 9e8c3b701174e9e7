import type {
  ChannelRole,
  ChannelView,
  Cursors,
  Entry,
  ErrorCode,
  Member,
  Message,
  MyChannel,
  Snapshot,
  User,
} from '@parley/protocol';

/** The only error that a store throws on purpose is the catalogue's `Failure`; anything else is a bug or `unavailable`. */

export interface NewUser {
  readonly id: string;
  readonly username: string;
  readonly displayName: string;
  readonly passwordHash: string;
  /** Makes the person an owner of the workspace; the first person becomes one anyway. */
  readonly owner?: boolean;
  readonly at: number;
}

export interface NewSession {
  readonly id: string;
  readonly userId: string;
  readonly refreshTokenHash: string;
  readonly at: number;
  /** When the session ends even if it is used, milliseconds since 1970. */
  readonly expiresAt: number;
}

export type Rotation =
  /** The token was spent now, or within the grace: its one successor is valid. */
  | { readonly status: 'rotated'; readonly sessionId: string; readonly user: User }
  /** The token was spent longer ago than the grace: the session has been ended. */
  | { readonly status: 'reused' }
  | { readonly status: 'ended' }
  | { readonly status: 'unknown' };

export interface MessageToPost {
  readonly id: string;
  readonly channelId: string;
  readonly authorId: string;
  readonly body: string;
  /** When it was accepted, milliseconds since 1970. */
  readonly at: number;
  /** Only look whether the id is there already: a throttled resend of an acknowledged message is still acknowledged. */
  readonly probe: boolean;
}

export type PostOutcome =
  | { readonly status: 'posted' | 'duplicate'; readonly message: Message; readonly channelName: string | null }
  /** A probe that found nothing: the message never happened. */
  | { readonly status: 'absent'; readonly channelName: string | null }
  | { readonly status: 'refused'; readonly code: ErrorCode };

export interface MessageRange {
  readonly userId: string;
  readonly channelId: string;
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly around?: number | undefined;
  readonly limit: number;
}

/** A stream that a person may follow, and where following it starts when they bring no cursor. */
export interface Subscription {
  readonly stream: string;
  readonly head: number;
  /** Channels alone: the seq at which the person became a member. */
  readonly joinedSeq: number;
}

/**
 * The named operations: each is one transaction that checks rights, changes, and appends to the logs it concerns.
 * Written once, run by every engine.
 */
export interface StoreOperations {
  // Accounts
  registerUser(input: NewUser): Promise<User>;
  findCredentials(input: { username: string }): Promise<{ user: User; passwordHash: string } | null>;
  setPasswordHash(input: { userId: string; passwordHash: string }): Promise<void>;
  /** Makes an existing person an owner of the workspace. */
  promoteToOwner(input: { username: string; at: number }): Promise<User>;
  createSession(input: NewSession): Promise<void>;
  /** Spends a refresh token for its successor, at most `graceMs` after it was first spent. */
  rotateRefreshToken(input: { hash: string; successorHash: string; at: number; graceMs: number }): Promise<Rotation>;
  endSession(input: { sessionId: string; reason: 'logout' | 'token_reuse'; at: number }): Promise<void>;
  /**
   * Looks at the next `limit` sessions by id, after `after` or from the first one where that is empty. Removes those that
   * were over before `overBefore`, and of the others the refresh tokens that were spent before `spentBefore`: from then on
   * these are unknown, and no longer tell of a theft. `next` is where to go on; empty when all have been looked at.
   */
  forgetSessions(input: {
    after: string;
    limit: number;
    overBefore: number;
    spentBefore: number;
  }): Promise<{ next: string; forgotten: number }>;
  /** The session's person, or null where the session has ended, run out or never was. */
  findSession(input: { sessionId: string; at: number }): Promise<{ user: User } | null>;
  /** Those of the sessions that have ended, run out or never were. */
  findEndedSessions(input: { sessionIds: readonly string[]; at: number }): Promise<string[]>;

  // Channels
  createChannel(input: {
    id: string;
    actorId: string;
    name: string;
    kind: 'public' | 'private';
    topic: string;
    usernames: readonly string[];
    at: number;
  }): Promise<MyChannel>;
  startConversation(input: {
    id: string;
    actorId: string;
    usernames: readonly string[];
    at: number;
  }): Promise<{ channel: MyChannel; created: boolean }>;
  listMyChannels(input: { userId: string }): Promise<MyChannel[]>;
  /** Public, not archived, and not yet mine; by name. */
  discoverChannels(input: { userId: string }): Promise<ChannelView[]>;
  getChannel(input: { userId: string; channelId: string }): Promise<ChannelView>;
  updateChannel(input: {
    actorId: string;
    channelId: string;
    rev: number;
    name?: string | undefined;
    topic?: string | undefined;
    archived?: boolean | undefined;
    at: number;
  }): Promise<ChannelView>;
  joinChannel(input: { userId: string; channelId: string; at: number }): Promise<MyChannel>;
  leaveChannel(input: { userId: string; channelId: string; at: number }): Promise<void>;

  // Members
  listMembers(input: {
    userId: string;
    channelId: string;
    after?: string | undefined;
    limit: number;
  }): Promise<{ members: Member[]; next: string | null }>;
  addMembers(input: {
    actorId: string;
    channelId: string;
    usernames: readonly string[];
    at: number;
  }): Promise<{ added: string[]; already: string[] }>;
  changeMemberRole(input: {
    actorId: string;
    channelId: string;
    userId: string;
    role: ChannelRole;
    at: number;
  }): Promise<Member>;
  removeMember(input: { actorId: string; channelId: string; userId: string; at: number }): Promise<void>;

  // Messages
  /** Outcomes stand in the order of the batch. One refused message never fails its neighbours. */
  postMessages(batch: readonly MessageToPost[]): Promise<PostOutcome[]>;
  listMessages(range: MessageRange): Promise<{ messages: Message[]; head: number }>;
  advanceRead(input: {
    userId: string;
    channelId: string;
    seq: number;
    at: number;
  }): Promise<{ seq: number; unread: number }>;

  // Logs
  /**
   * The entries above `after`, ascending; fewer than `limit` where they are large. Refused as the stream's owner would
   * refuse: `userId` must be able to read it.
   */
  readLog(input: {
    userId: string;
    stream: string;
    after: number;
    limit: number;
  }): Promise<{ entries: Entry[]; head: number }>;
  /** The same without asking who reads: for repair inside the server. */
  readEntries(input: { stream: string; after: number; limit: number }): Promise<{ entries: Entry[]; head: number }>;
  /** A channel's head, for a member of it; everybody else is refused as by `readLog`. */
  readHead(input: { userId: string; channelId: string }): Promise<number>;
  readHeads(input: { streams: readonly string[] }): Promise<Cursors>;
  /** Every stream a person may follow: the workspace, their own, and their channels. */
  listSubscriptions(input: { userId: string }): Promise<Subscription[]>;
  bootstrap(input: { userId: string }): Promise<Snapshot>;

  // The database itself
  /** Gives the database a new lineage, as after a backup was restored: no cursor of before means anything from then on. */
  startEpoch(input: { epoch: string }): Promise<void>;
  /** Notes by which secret the database is served, and tells whether another one was noted before. */
  noteSecret(input: { fingerprint: string }): Promise<{ wasAnother: boolean }>;
  /** Answers when the database can commit. */
  ping(input: Record<string, never>): Promise<void>;
}

export type OperationName = keyof StoreOperations;
export type OperationInput<Name extends OperationName> = Parameters<StoreOperations[Name]>[0];
export type OperationResult<Name extends OperationName> = Awaited<ReturnType<StoreOperations[Name]>>;

/** Whether an operation changes anything: those that do share a commit, those that do not can be run again. */
export const OPERATIONS: Readonly<Record<OperationName, 'read' | 'write'>> = {
  registerUser: 'write',
  findCredentials: 'read',
  setPasswordHash: 'write',
  promoteToOwner: 'write',
  createSession: 'write',
  rotateRefreshToken: 'write',
  endSession: 'write',
  forgetSessions: 'write',
  findSession: 'read',
  findEndedSessions: 'read',
  createChannel: 'write',
  startConversation: 'write',
  listMyChannels: 'read',
  discoverChannels: 'read',
  getChannel: 'read',
  updateChannel: 'write',
  joinChannel: 'write',
  leaveChannel: 'write',
  listMembers: 'read',
  addMembers: 'write',
  changeMemberRole: 'write',
  removeMember: 'write',
  postMessages: 'write',
  listMessages: 'read',
  advanceRead: 'write',
  readLog: 'read',
  readEntries: 'read',
  readHead: 'read',
  readHeads: 'read',
  listSubscriptions: 'read',
  bootstrap: 'read',
  startEpoch: 'write',
  noteSecret: 'write',
  ping: 'write',
};

/** What one transaction of the engine did, for metrics. */
export interface CommitReport {
  readonly messages: number;
  readonly millis: number;
}

export interface Store extends StoreOperations {
  /** The database's lineage: cursors of another epoch mean nothing here. */
  readonly epoch: string;
  /** How the durability settings fall short of S1, one sentence each; empty as a rule. */
  readonly warnings: readonly string[];
  /** Called with the entries of each commit, in commit order, before the operations that made them are answered. */
  onCommitted(listener: (entries: readonly Entry[], report: CommitReport) => void): void;
  close(): Promise<void>;
}
