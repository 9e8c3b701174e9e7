import { CompiledQuery, type Kysely } from 'kysely';
import type { Engine } from '../operations/context.ts';
import type { Schema } from '../schema.ts';

/**
 * PostgreSQL's ways: any number of rows is one statement of one text, each column an array; statements that do not
 * wait for each other's answers travel together, because the connection is pipelined.
 */
export function postgresEngine(database: Kysely<Schema>): Engine {
  const run = (text: string, values: unknown[]) => database.executeQuery(CompiledQuery.raw(text, values));
  return {
    async insertMany(table, rows) {
      const first = rows[0];
      if (!first) return;
      const { columns, arrays, values } = inColumns(first, rows);
      await run(`insert into "${table}" (${columns}) select * from unnest(${arrays})`, values);
    },
    async updateMany(table, keys, rows) {
      const first = rows[0];
      if (!first) return;
      const { columns, arrays, values } = inColumns(first, rows);
      const isKey = (column: string) => keys.some((key) => key === column);
      const set = Object.keys(first)
        .filter((column) => !isKey(column))
        .map((column) => `"${column}" = given."${column}"`);
      const where = keys.map((key) => `changed."${key}" = given."${key}"`);
      await run(
        `update "${table}" as changed set ${set.join(', ')} from unnest(${arrays}) as given(${columns}) ` +
          `where ${where.join(' and ')}`,
        values,
      );
    },
    together: (...statements) => allOf(statements.map((statement) => statement())) as never,
  };
}

/** Waits for all, so that none is still under way when the first that failed is thrown. */
export async function allOf(answers: readonly Promise<unknown>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(answers);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

function inColumns(first: object, rows: readonly object[]) {
  const names = Object.keys(first);
  const types = Object.values(first).map((value) => (typeof value === 'number' ? 'bigint[]' : 'text[]'));
  return {
    columns: names.map((name) => `"${name}"`).join(', '),
    arrays: types.map((type, place) => `$${place + 1}::${type}`).join(', '),
    values: names.map((name) => rows.map((row) => (row as Record<string, unknown>)[name])),
  };
}
