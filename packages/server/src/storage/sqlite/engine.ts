import type { SqliteDatabase } from 'kysely';
import type { Engine } from '../operations/context.ts';

const CHUNKS = [64, 16, 4, 1] as const;

/**
 * SQLite's ways: rows in chunks of few sizes, so that each statement's text is compiled once; no trips to save. The
 * statements go straight to the driver, which keeps them prepared.
 */
export function sqliteEngine(driver: Pick<SqliteDatabase, 'prepare'>): Engine {
  const texts = new Map<string, string>();
  const textOf = (key: string, compile: () => string) => {
    let text = texts.get(key);
    if (text === undefined) {
      text = compile();
      texts.set(key, text);
    }
    return text;
  };
  const run = (text: string, values: readonly unknown[]) => driver.prepare(text).run(values);

  return {
    async insertMany(table, rows) {
      let done = 0;
      for (const size of CHUNKS) {
        for (; rows.length - done >= size; done += size) {
          const chunk = rows.slice(done, done + size);
          const text = textOf(`insert ${table} ${size}`, () => insertText(table, Object.keys(chunk[0] ?? {}), size));
          run(
            text,
            chunk.flatMap((row) => Object.values(row)),
          );
        }
      }
    },
    async updateMany(table, keys, rows) {
      for (const row of rows) {
        const set = Object.entries(row).filter(([column]) => !keys.some((key) => key === column));
        const columns = set.map(([column]) => column);
        const text = textOf(`update ${table} ${columns.join()}`, () => updateText(table, columns, keys));
        run(text, [...set.map(([, value]) => value), ...keys.map((key) => row[key])]);
      }
    },
    async together(...statements) {
      const answers: unknown[] = [];
      for (const statement of statements) answers.push(await statement());
      return answers as never;
    },
  };
}

function insertText(table: string, columns: readonly string[], rows: number): string {
  const row = `(${columns.map(() => '?').join(', ')})`;
  return `insert into "${table}" (${columns.map(quoted).join(', ')}) values ${Array(rows).fill(row).join(', ')}`;
}

function updateText(table: string, columns: readonly string[], keys: readonly string[]): string {
  const equal = (column: string) => `${quoted(column)} = ?`;
  return `update "${table}" set ${columns.map(equal).join(', ')} where ${keys.map(equal).join(' and ')}`;
}

function quoted(column: string): string {
  return `"${column}"`;
}
