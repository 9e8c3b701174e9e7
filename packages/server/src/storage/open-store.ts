import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { StartError } from '../domain/start-error.ts';
import { addressOf } from './postgres/address.ts';
import { lockFile } from './sqlite/lock.ts';
import { openSqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';

interface Options {
  /** Refuses to be the second on the same file. A PostgreSQL serves any number of nodes. */
  readonly exclusively?: boolean;
  /** Refuses while a server uses the database, as far as that can be seen: for what would pull the rug from under it. */
  readonly alone?: boolean;
  /** Told, with a sentence, when the database cannot be reached yet and is waited for. */
  readonly onWaiting?: (sentence: string) => void;
}

/**
 * Opens the database that the configuration names. A server asks for it `exclusively`: a second server on the same
 * file is refused. Admin commands do not, so they work beside a running server.
 * @throws StartError with a sentence that says what stands in the way
 */
export async function openStore({ storage }: Pick<Config, 'storage'>, options: Options = {}): Promise<Store> {
  const { postgresUrl: url, allowWeakDurability } = storage;
  if (url === undefined) return openFile(storage, options);
  // Imported late: who keeps messages in a file does not load what PostgreSQL needs.
  const { openPostgresStore } = await import('./postgres/postgres-store.ts');
  return openPostgresStore({ url, allowWeakDurability, alone: options.alone ?? false, onWaiting: options.onWaiting });
}

/** Where the database is, without a password. */
export function describeDatabase({ postgresUrl, sqlitePath }: Config['storage']): string {
  return postgresUrl === undefined ? resolve(sqlitePath) : addressOf(postgresUrl);
}

async function openFile(storage: Config['storage'], options: Options): Promise<Store> {
  const path = storage.sqlitePath;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Made here, so that only its owner can read it; the files beside it take after it.
    closeSync(openSync(path, 'a', 0o600));
    const lock = options.exclusively || options.alone ? lockFile(path) : undefined;
    if (lock === null) {
      throw new StartError(
        options.alone
          ? `A Parley server is using ${path}. Stop it first.`
          : `Another Parley server is using ${path}. Stop it first, or give this one another PARLEY_DATA_DIR.`,
      );
    }
    const store = await openSqliteStore({ path, synchronous: storage.synchronous }).catch((error) => {
      lock?.release();
      throw error;
    });
    return {
      ...store,
      async close() {
        await store.close();
        lock?.release();
      },
    };
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`The database ${path} cannot be opened: ${reason}`);
  }
}
