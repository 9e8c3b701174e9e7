import type { PostgresConnection } from './connection.ts';

/**
 * What says, in a database that messages are being moved to, that they have not all arrived. It is there before any
 * other table and goes in the last step, so that no server can mistake a part for the whole.
 */
export interface UnfinishedMove {
  /** The path of the SQLite file. */
  readonly source: string;
  /** The epoch of what is being moved. */
  readonly epoch: string;
  /** Whether rows have begun to arrive; until then the tables may be missing, or hold what new ones begin with. */
  readonly copying: boolean;
}

/** Null where there is no such thing: the database is whole, or new. */
export async function readUnfinishedMove(connection: PostgresConnection): Promise<UnfinishedMove | null> {
  const { rows: found } = await connection.run("select to_regclass('unfinished_move') is not null as there");
  if (!found[0]?.there) return null;
  const { rows } = await connection.run('select source, epoch, copying from unfinished_move');
  return (rows[0] as UnfinishedMove | undefined) ?? null;
}

export async function beginMove(connection: PostgresConnection, { source, epoch }: Omit<UnfinishedMove, 'copying'>) {
  await connection.run('begin');
  await connection.run(
    'create table unfinished_move (source text not null, epoch text not null, copying boolean not null)',
  );
  await connection.run('insert into unfinished_move values ($1, $2, false)', [source, epoch]);
  await connection.run('commit');
}

/** Empties the tables and says that rows begin to arrive, in one transaction. */
export async function beginCopying(connection: PostgresConnection, tables: readonly string[]): Promise<void> {
  await connection.run('begin');
  await connection.run(`truncate ${tables.map((table) => `"${table}"`).join(', ')}`);
  await connection.run('update unfinished_move set copying = true');
  await connection.run('commit');
}

/** Says that all is there: from here on a server may use the database. */
export async function endMove(connection: PostgresConnection): Promise<void> {
  await connection.run('drop table unfinished_move');
}
