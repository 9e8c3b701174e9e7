import { createHash } from 'node:crypto';
import type { Row, Table } from './tables.ts';

/** One stream's rows of a table, or a channel's; of a table without such parts, all rows. */
export interface Part {
  readonly name: string;
  readonly rows: number;
  /** SHA-256 over the rows in the order of their keys, each as a JSON array of its columns and a line end. */
  readonly checksum: string;
}

/** The parts of a table, of which one page of rows is in memory at a time. */
export async function* partsOf(table: Table, pages: AsyncIterable<readonly Row[]>): AsyncGenerator<Part, void> {
  const place = table.key.length > 1 ? table.columns.findIndex(({ name }) => name === table.key[0]) : -1;
  let name: string | null = null;
  let hash = createHash('sha256');
  let rows = 0;
  for await (const page of pages) {
    for (const row of page) {
      const part = place < 0 ? table.name : String(row[place]);
      if (name !== null && name !== part) {
        yield { name, rows, checksum: hash.digest('hex') };
        hash = createHash('sha256');
        rows = 0;
      }
      name = part;
      hash.update(`${JSON.stringify(row)}\n`);
      rows += 1;
    }
  }
  if (name !== null) yield { name, rows, checksum: hash.digest('hex') };
}

/** The first part that is not the same on both sides, and how many parts are; both come in the same order. */
export async function compareParts(
  left: AsyncGenerator<Part, void>,
  right: AsyncGenerator<Part, void>,
): Promise<{ readonly differs: string | null; readonly same: number }> {
  for (let same = 0; ; same += 1) {
    const [{ value: one }, { value: other }] = await Promise.all([left.next(), right.next()]);
    if (!one && !other) return { differs: null, same };
    if (!one || !other || one.name !== other.name || one.rows !== other.rows || one.checksum !== other.checksum) {
      await Promise.all([left.return(), right.return()]);
      return { differs: one?.name ?? other?.name ?? null, same };
    }
  }
}
