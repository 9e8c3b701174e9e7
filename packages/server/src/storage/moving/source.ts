import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../../domain/start-error.ts';
import { ageOf } from '../migrations/index.ts';
import type { Schema } from '../schema.ts';
import { lockFile } from '../sqlite/lock.ts';
import { KEYS, listed, type Row, type Table } from './tables.ts';

/** An SQLite file as it stands at one moment. It is read and never written to. */
export interface Source {
  readonly path: string;
  readonly epoch: string;
  readonly tables: readonly Table[];
  /** The rows above a key, or all of them, in the order of their keys. One is in memory at a time. */
  rows(table: Table, above?: Row): Iterable<Row>;
  /** Whether anything was written to the file since it was opened, as an admin command can. */
  hasChanged(): boolean;
  close(): void;
}

/**
 * Opens the file that messages are moved from, and keeps servers from using it until it is closed.
 * @throws StartError
 */
export function openSource(path: string): Source {
  if (!existsSync(path)) throw new StartError(`There is no database at ${path}.`);
  const opened: { close(): void }[] = [];
  const close = () => {
    for (const { close } of opened.splice(0)) close();
  };
  try {
    const driver = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    opened.unshift({ close: () => driver.close() });
    requireSameVersion(driver, path);
    const lock = lockFile(path);
    if (lock === null) {
      throw new StartError(
        `A Parley server is using ${path}. Stop it first, so that nothing is written there while it is copied.`,
      );
    }
    opened.push({ close: () => lock.release() });
    return { ...readAt(driver, path), close };
  } catch (error) {
    close();
    if (error instanceof StartError) throw error;
    throw unreadable(path, error);
  }
}

function readAt(driver: DatabaseSync, path: string): Omit<Source, 'close'> {
  const changes = () => driver.prepare('pragma data_version').get()?.data_version;
  const changesBefore = changes();
  // All that is read from here on is of this moment.
  driver.exec('begin');
  const tables = Object.keys(KEYS).map((name) => describe(driver, name as keyof Schema));
  const epoch = driver.prepare("select value from facts where name = 'epoch'").get()?.value;
  if (typeof epoch !== 'string') throw new StartError(`${path} has no epoch, so it is not a whole Parley database.`);
  return {
    path,
    epoch,
    tables,
    *rows(table, above) {
      const key = listed(table.key);
      const where = above ? `where (${key}) > (${above.map(() => '?').join(', ')})` : '';
      const columns = listed(table.columns.map(({ name }) => name));
      const statement = driver.prepare(`select ${columns} from "${table.name}" ${where} order by ${key}`);
      statement.setReturnArrays(true);
      try {
        yield* statement.iterate(...(above ?? [])) as Iterable<unknown> as Iterable<Row>;
      } catch (error) {
        throw unreadable(path, error);
      }
    },
    hasChanged() {
      driver.exec('commit');
      return changes() !== changesBefore;
    },
  };
}

function describe(driver: DatabaseSync, name: keyof Schema): Table {
  const columns = driver.prepare(`select name, type from pragma_table_info('${name}')`).all();
  const rows = driver.prepare(`select count(*) as count from "${name}"`).get()?.count;
  return { name, key: KEYS[name], columns: columns as unknown as Table['columns'], rows: Number(rows) };
}

function requireSameVersion(driver: DatabaseSync, path: string): void {
  const isOurs = driver.prepare("select 1 from sqlite_master where name = 'kysely_migration'").get();
  if (!isOurs) throw new StartError(`${path} is not a Parley database.`);
  const applied = driver.prepare('select name from kysely_migration').all();
  const age = ageOf(applied.map(({ name }) => String(name)));
  if (age === 'newer') {
    throw new StartError(`${path} was made by a newer version of Parley. Use that version to move it.`);
  }
  if (age === 'older') {
    throw new StartError(
      `${path} was made by an older version of Parley. Bring it up to date first, after a backup: ` +
        `DATABASE_URL='sqlite:${path}' npx parley migrate`,
    );
  }
}

function unreadable(path: string, error: unknown): StartError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StartError(`The database ${path} cannot be read: ${reason}.`, { cause: error });
}
