import type { User } from '@parley/protocol';
import type { OperationInput, Rotation } from '../store.ts';
import { append, type Context, padded } from './context.ts';
import { USER_COLUMNS, userFrom } from './rows.ts';

export async function createSession({ database }: Context, input: OperationInput<'createSession'>): Promise<void> {
  await database
    .insertInto('sessions')
    .values({
      id: input.id,
      user_id: input.userId,
      created_at: input.at,
      expires_at: input.expiresAt,
      ended_at: null,
    })
    .execute();
  await database
    .insertInto('refresh_tokens')
    .values({ hash: input.refreshTokenHash, session_id: input.id, created_at: input.at, spent_at: null })
    .execute();
}

export async function rotateRefreshToken(
  context: Context,
  { hash, successorHash, at, graceMs }: OperationInput<'rotateRefreshToken'>,
): Promise<Rotation> {
  const { database } = context;
  const token = await database
    .selectFrom('refresh_tokens')
    .innerJoin('sessions', 'sessions.id', 'refresh_tokens.session_id')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(USER_COLUMNS)
    .select(['refresh_tokens.session_id', 'refresh_tokens.spent_at', 'sessions.ended_at', 'sessions.expires_at'])
    .where('hash', '=', hash)
    .executeTakeFirst();
  if (!token) return { status: 'unknown' };
  if (token.ended_at !== null || token.expires_at <= at) return { status: 'ended' };

  if (token.spent_at === null) {
    await database.updateTable('refresh_tokens').set({ spent_at: at }).where('hash', '=', hash).execute();
    await database
      .insertInto('refresh_tokens')
      .values({ hash: successorHash, session_id: token.session_id, created_at: at, spent_at: null })
      .execute();
  } else if (at - token.spent_at > graceMs) {
    await endSession(context, { sessionId: token.session_id, reason: 'token_reuse', at });
    return { status: 'reused' };
  }
  return { status: 'rotated', sessionId: token.session_id, user: userFrom(token) };
}

export async function endSession(
  context: Context,
  { sessionId, reason, at }: OperationInput<'endSession'>,
): Promise<void> {
  const ended = await context.database
    .updateTable('sessions')
    .set({ ended_at: at })
    .where('id', '=', sessionId)
    .where('ended_at', 'is', null)
    .returning('user_id')
    .executeTakeFirst();
  if (!ended) return;
  await context.database.deleteFrom('refresh_tokens').where('session_id', '=', sessionId).execute();
  const event = { type: 'session.ended', sessionId, reason } as const;
  await append(context, ended.user_id, event, { actorId: ended.user_id, at });
}

export async function forgetSessions(
  { database }: Context,
  { after, limit, overBefore, spentBefore }: OperationInput<'forgetSessions'>,
): Promise<{ next: string; forgotten: number }> {
  // In the order of the key, because there is no index on times: a run never looks at more than it was told to.
  const sessions = await database
    .selectFrom('sessions')
    .select(['id', 'expires_at', 'ended_at'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
  const isOver = (session: (typeof sessions)[number]) => (session.ended_at ?? session.expires_at) < overBefore;
  const over = sessions.filter(isOver).map(({ id }) => id);
  const others = sessions.filter((session) => !isOver(session)).map(({ id }) => id);
  if (others.length > 0) {
    await database
      .deleteFrom('refresh_tokens')
      .where('session_id', 'in', padded(others))
      .where('spent_at', '<', spentBefore)
      .execute();
  }
  if (over.length > 0) {
    await database.deleteFrom('refresh_tokens').where('session_id', 'in', padded(over)).execute();
    await database.deleteFrom('sessions').where('id', 'in', padded(over)).execute();
  }
  return { next: sessions.length === limit ? (sessions.at(-1)?.id ?? '') : '', forgotten: over.length };
}

export async function findSession(
  { database }: Context,
  { sessionId, at }: OperationInput<'findSession'>,
): Promise<{ user: User } | null> {
  const row = await database
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(USER_COLUMNS)
    .where('sessions.id', '=', sessionId)
    .where('sessions.ended_at', 'is', null)
    .where('sessions.expires_at', '>', at)
    .executeTakeFirst();
  return row ? { user: userFrom(row) } : null;
}

export async function findEndedSessions(
  { database }: Context,
  { sessionIds, at }: OperationInput<'findEndedSessions'>,
): Promise<string[]> {
  const living = new Set<string>();
  for (let start = 0; start < sessionIds.length; start += 500) {
    const rows = await database
      .selectFrom('sessions')
      .select('id')
      .where('id', 'in', padded(sessionIds.slice(start, start + 500)))
      .where('ended_at', 'is', null)
      .where('expires_at', '>', at)
      .execute();
    for (const { id } of rows) living.add(id);
  }
  return sessionIds.filter((id) => !living.has(id));
}
