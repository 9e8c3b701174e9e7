import { newId } from '@parley/protocol/new-id';
import { WORKSPACE_STREAM } from '@parley/protocol/streams';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Schema } from '../schema.ts';
import type { SchemaDialect } from './dialect.ts';

export const first = ({ text, clustered }: SchemaDialect): Migration => ({
  async up(database: Kysely<Schema>) {
    await database.schema
      .createTable('facts')
      .addColumn('name', text, (column) => column.primaryKey().notNull())
      .addColumn('value', text, (column) => column.notNull())
      .execute();

    await database.schema
      .createTable('users')
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('username', text, (column) => column.notNull())
      .addColumn('username_key', text, (column) => column.notNull().unique())
      .addColumn('display_name', text, (column) => column.notNull())
      .addColumn('role', text, (column) => column.notNull())
      .addColumn('password_hash', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute();

    await database.schema
      .createTable('sessions')
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('user_id', text, (column) => column.notNull().references('users.id'))
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addColumn('ended_at', 'bigint')
      .execute();
    await database.schema.createIndex('sessions_by_user').on('sessions').column('user_id').execute();

    await database.schema
      .createTable('refresh_tokens')
      .addColumn('hash', text, (column) => column.primaryKey().notNull())
      .addColumn('session_id', text, (column) => column.notNull().references('sessions.id'))
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('spent_at', 'bigint')
      .execute();
    await database.schema.createIndex('refresh_tokens_by_session').on('refresh_tokens').column('session_id').execute();

    await database.schema
      .createTable('streams')
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('head', 'bigint', (column) => column.notNull())
      .addColumn('message_count', 'bigint', (column) => column.notNull())
      .modifyEnd(clustered)
      .execute();

    await database.schema
      .createTable('channels')
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('name', text)
      .addColumn('name_key', text, (column) => column.unique())
      .addColumn('direct_key', text, (column) => column.unique())
      .addColumn('topic', text, (column) => column.notNull())
      .addColumn('archived', 'integer', (column) => column.notNull())
      .addColumn('rev', 'integer', (column) => column.notNull())
      .addColumn('member_count', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('created_by', text, (column) => column.notNull())
      .execute();

    await database.schema
      .createTable('memberships')
      .addColumn('channel_id', text, (column) => column.notNull())
      .addColumn('user_id', text, (column) => column.notNull())
      .addColumn('role', text, (column) => column.notNull())
      .addColumn('joined_seq', 'bigint', (column) => column.notNull())
      .addColumn('joined_at', 'bigint', (column) => column.notNull())
      .addColumn('read_seq', 'bigint', (column) => column.notNull())
      .addColumn('read_ordinal', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('memberships_key', ['channel_id', 'user_id'])
      .modifyEnd(clustered)
      .execute();
    await database.schema.createIndex('memberships_by_user').on('memberships').column('user_id').execute();

    await database.schema
      .createTable('entries')
      .addColumn('stream_id', text, (column) => column.notNull())
      .addColumn('seq', 'bigint', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('actor_id', text)
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('payload', text)
      .addPrimaryKeyConstraint('entries_key', ['stream_id', 'seq'])
      .modifyEnd(clustered)
      .execute();

    await database.schema
      .createTable('messages')
      .addColumn('id', text, (column) => column.notNull().unique())
      .addColumn('channel_id', text, (column) => column.notNull())
      .addColumn('seq', 'bigint', (column) => column.notNull())
      .addColumn('ordinal', 'bigint', (column) => column.notNull())
      .addColumn('author_id', text, (column) => column.notNull())
      .addColumn('body', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('rev', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('messages_key', ['channel_id', 'seq'])
      .modifyEnd(clustered)
      .execute();

    await database.insertInto('facts').values({ name: 'epoch', value: newId() }).execute();
    await database.insertInto('streams').values({ id: WORKSPACE_STREAM, head: 0, message_count: 0 }).execute();
  },
});
