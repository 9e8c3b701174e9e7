import { WORKSPACE_STREAM } from '@parley/protocol/streams';
import type { OperationInput, OperationName } from '../store.ts';
import type { Statement } from './transaction.ts';

/** An operation that was asked for. */
export interface Call {
  readonly name: OperationName;
  readonly input: unknown;
}

/** Reads a column of ids. */
type LookUp = (text: string, values: readonly unknown[]) => Promise<string[]>;

type StreamsOf<Name extends OperationName> = (
  input: OperationInput<Name>,
  lookUp: LookUp,
) => readonly string[] | Promise<readonly string[]>;

const peopleCalled = (usernames: readonly string[], lookUp: LookUp) =>
  lookUp('select id from users where username_key = any($1)', [usernames.map((username) => username.toLowerCase())]);

/**
 * The streams whose logs an operation may append to, old and new. Their rows are locked before anything is decided, in
 * the order of their ids, so that what an operation sees of them stays true until it commits, and none waits in a
 * circle. Who is named is looked up beforehand: people are never deleted, sessions long after they were over, and where
 * one has come into being since, the operation is overtaken and runs again.
 */
const STREAMS: { readonly [Name in OperationName]?: StreamsOf<Name> } = {
  registerUser: ({ id }) => [WORKSPACE_STREAM, id],
  promoteToOwner: () => [WORKSPACE_STREAM],
  rotateRefreshToken: ({ hash }, lookUp) =>
    lookUp(
      'select user_id as id from sessions join refresh_tokens on refresh_tokens.session_id = sessions.id where hash = $1',
      [hash],
    ),
  endSession: ({ sessionId }, lookUp) => lookUp('select user_id as id from sessions where id = $1', [sessionId]),
  createChannel: async ({ id, actorId, kind, usernames }, lookUp) => [
    ...[id, actorId, ...(await peopleCalled(usernames, lookUp))],
    ...(kind === 'public' ? [WORKSPACE_STREAM] : []),
  ],
  startConversation: async ({ id, actorId, usernames }, lookUp) => [
    ...[id, actorId, ...(await peopleCalled(usernames, lookUp))],
  ],
  updateChannel: ({ channelId }) => [channelId, WORKSPACE_STREAM],
  joinChannel: ({ userId, channelId }) => [userId, channelId],
  leaveChannel: ({ userId, channelId }) => [userId, channelId],
  addMembers: async ({ channelId, usernames }, lookUp) => [channelId, ...(await peopleCalled(usernames, lookUp))],
  changeMemberRole: ({ channelId }) => [channelId],
  removeMember: ({ userId, channelId }) => [userId, channelId],
  postMessages: (batch) => batch.map(({ channelId }) => channelId),
  advanceRead: ({ userId }) => [userId],
};

/** The streams that a call may append to, each once. */
export async function streamsOf({ name, input }: Call, lookUp: LookUp): Promise<readonly string[]> {
  const find = STREAMS[name] as ((input: unknown, lookUp: LookUp) => ReturnType<StreamsOf<OperationName>>) | undefined;
  return [...new Set(await find?.(input, lookUp))];
}

/** The statements that lock what a call is decided on. */
export function locksOf({ name, input }: Call, streams: readonly string[]): Statement[] {
  const locks: Statement[] = [];
  if (streams.length > 0) {
    locks.push({ text: 'select id from streams where id = any($1) order by id for update', values: [streams] });
  }
  if (name === 'advanceRead') {
    // Posting moves the author's cursor while it holds the channel, which is too busy to be held by every reader.
    const { channelId, userId } = input as OperationInput<'advanceRead'>;
    const text = 'select role from memberships where channel_id = $1 and user_id = $2 for update';
    locks.push({ text, values: [channelId, userId] });
  }
  return locks;
}
