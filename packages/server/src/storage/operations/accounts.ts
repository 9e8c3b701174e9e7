import type { User } from '@parley/protocol';
import { fail } from '@parley/protocol/errors';
import { WORKSPACE_STREAM } from '@parley/protocol/streams';
import type { OperationInput } from '../store.ts';
import { append, type Context, openStream } from './context.ts';
import { USER_COLUMNS, userFrom } from './rows.ts';

export async function registerUser(context: Context, input: OperationInput<'registerUser'>): Promise<User> {
  const { database } = context;
  const key = input.username.toLowerCase();
  const taken = await database.selectFrom('users').select('id').where('username_key', '=', key).executeTakeFirst();
  if (taken) throw fail('username_taken');

  const anyone = await database.selectFrom('users').select('id').limit(1).executeTakeFirst();
  const user: User = {
    id: input.id,
    username: input.username,
    displayName: input.displayName,
    role: input.owner || !anyone ? 'owner' : 'member',
  };
  await database
    .insertInto('users')
    .values({
      id: user.id,
      username: user.username,
      username_key: key,
      display_name: user.displayName,
      role: user.role,
      password_hash: input.passwordHash,
      created_at: input.at,
    })
    .execute();
  await openStream(context, user.id);
  await append(context, WORKSPACE_STREAM, { type: 'user.registered', user }, { actorId: user.id, at: input.at });
  return user;
}

export async function findCredentials(
  { database }: Context,
  { username }: OperationInput<'findCredentials'>,
): Promise<{ user: User; passwordHash: string } | null> {
  // Nobody is called so, and PostgreSQL does not even take the question.
  if (username.includes('\0')) return null;
  const row = await database
    .selectFrom('users')
    .select([...USER_COLUMNS, 'users.password_hash'])
    .where('username_key', '=', username.toLowerCase())
    .executeTakeFirst();
  return row ? { user: userFrom(row), passwordHash: row.password_hash } : null;
}

export async function setPasswordHash(
  { database }: Context,
  { userId, passwordHash }: OperationInput<'setPasswordHash'>,
): Promise<void> {
  await database.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', userId).execute();
}

export async function promoteToOwner(
  context: Context,
  { username, at }: OperationInput<'promoteToOwner'>,
): Promise<User> {
  const row = await context.database
    .updateTable('users')
    .set({ role: 'owner' })
    .where('username_key', '=', username.toLowerCase())
    .returning(USER_COLUMNS)
    .executeTakeFirst();
  if (!row) throw fail('user_not_found', `There is nobody called ${username}.`);
  const user = userFrom(row);
  await append(context, WORKSPACE_STREAM, { type: 'user.updated', user }, { actorId: null, at });
  return user;
}
