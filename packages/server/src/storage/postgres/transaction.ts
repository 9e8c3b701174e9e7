import type { Pool } from 'pg';
import { forgetPrepared, type PostgresConnection, withConnection } from './connection.ts';
import { allOf } from './engine.ts';
import { CommitUnknown, isStalePlan } from './errors.ts';

/** A statement outside any builder. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/**
 * Runs `work` inside a transaction that begins with the statements of `opening`, which travel together. It is committed
 * when this resolves, and did not happen when this rejects, unless with CommitUnknown.
 */
export function inTransaction<Result>(
  pool: Pool,
  signal: AbortSignal,
  opening: readonly Statement[],
  work: (connection: PostgresConnection) => Promise<Result>,
): Promise<Result> {
  return withConnection(pool, signal, async (connection) => {
    let result: Result;
    try {
      await allOf(opening.map(({ text, values }) => connection.run(text, values)));
      result = await work(connection);
    } catch (error) {
      if (isStalePlan(error)) forgetPrepared();
      await connection.run('rollback').catch(() => connection.cutOff());
      throw error;
    }
    await commit(connection);
    return result;
  });
}

async function commit(connection: PostgresConnection): Promise<void> {
  try {
    const { command } = await connection.run('commit');
    if (command !== 'COMMIT') throw new Error(`The transaction ended with ${command} instead of COMMIT.`);
  } catch (cause) {
    throw connection.isLost ? new CommitUnknown('The answer to COMMIT was lost.', { cause }) : cause;
  }
}
