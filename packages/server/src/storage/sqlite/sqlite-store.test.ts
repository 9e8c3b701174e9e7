import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../open-store.ts';
import { storeContract } from '../store.contract.ts';
import { Cast } from '../test/cast.ts';
import type { Synchronous } from './connection.ts';
import { openSqliteStore } from './sqlite-store.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-store-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const aPath = () => join(folder, `${newId()}.db`);
const open = (path: string, synchronous: Synchronous = 'full') => openSqliteStore({ path, synchronous });

/** Looks into a file with the driver alone. */
function inFile<Result>(path: string, look: (driver: DatabaseSync) => Result): Result {
  const driver = new DatabaseSync(path);
  try {
    return look(driver);
  } finally {
    driver.close();
  }
}

storeContract('SQLite', async () => {
  const path = aPath();
  let store = await open(path);
  return {
    store,
    async reopen() {
      await store.close();
      store = await open(path);
      return store;
    },
    close: () => store.close(),
  };
});

describe('the SQLite store', () => {
  test.each([
    ['full', []],
    ['extra', []],
    ['normal', ['SQLite does not sync at every commit: a power cut can lose acknowledged messages.']],
    ['off', ['SQLite does not sync at every commit: a power cut can lose acknowledged messages.']],
  ] as const)(
    '[S1] synchronous=%s is read back from the engine and warned of where it is weak',
    async (mode, warnings) => {
      const store = await open(aPath(), mode);
      expect(store.warnings).toEqual(warnings);
      await store.close();
    },
  );

  test('[S1] a file whose journal cannot be a write-ahead log is warned of', async () => {
    const store = await open(':memory:');
    expect(store.warnings).toEqual(["SQLite's journal mode is memory instead of wal."]);
    await store.close();
  });

  test('keeps its epoch and its contents over a restart; another database has another epoch', async () => {
    const path = aPath();
    const first = await open(path);
    const ana = await new Cast(first).person();
    await first.close();
    const again = await open(path);
    expect(again.epoch).toBe(first.epoch);
    expect((await again.bootstrap({ userId: ana.id })).users).toEqual([ana]);
    const other = await open(aPath());
    expect(other.epoch).not.toBe(first.epoch);
    await Promise.all([again.close(), other.close()]);
  });

  test('refuses a file that a newer version has migrated, and leaves it as it is', async () => {
    const path = aPath();
    await (await open(path)).close();
    inFile(path, (driver) => driver.exec("insert into kysely_migration values ('0002-later', '2030-01-01')"));
    await expect(open(path)).rejects.toThrow(
      'The database was made by a newer version of Parley. Run that version, or restore a backup.',
    );
    const names = inFile(path, (driver) => driver.prepare('select name from kysely_migration').all());
    expect(names.map(({ name }) => name)).toEqual(['0001-first', '0002-later']);
  });

  test('a migration that fails midway leaves nothing of itself, and succeeds once its obstacle is gone', async () => {
    const path = aPath();
    inFile(path, (driver) => driver.exec('create table messages (stranger text)'));
    await expect(open(path)).rejects.toThrow(/^The database could not be brought up to date: .*messages/);
    const tables = inFile(path, (driver) => driver.prepare('select name from sqlite_master').all());
    expect(tables.map(({ name }) => name)).toEqual(['messages']);
    inFile(path, (driver) => driver.exec('drop table messages'));
    await (await open(path)).close();
  });

  test('several that open a new file at once migrate it once, and share its epoch', async () => {
    const path = aPath();
    const stores = await Promise.all([open(path), open(path), open(path)]);
    expect(new Set(stores.map(({ epoch }) => epoch)).size).toBe(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('says as a sentence what it cannot open', async () => {
    const notSqlite = join(folder, 'not-a-database');
    writeFileSync(notSqlite, 'This is a letter, not a database. '.repeat(100));
    mkdirSync(join(folder, 'a-folder'));
    for (const name of ['not-a-database', 'a-folder', 'not-a-database/below.db']) {
      const sqlitePath = join(folder, name);
      const storage = { dataDir: folder, sqlitePath, synchronous: 'full', allowWeakDurability: false } as const;
      for (const exclusively of [true, false]) {
        await expect(openStore({ storage }, { exclusively })).rejects.toThrow(
          `The database ${sqlitePath} cannot be opened: `,
        );
      }
    }
  });

  test('[S3] finishes what it was asked before it closes, and refuses what comes later', async () => {
    const path = aPath();
    const store = await open(path);
    const cast = new Cast(store);
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    const posting = Array.from({ length: 100 }, () => cast.post(ana, channel));
    const closing = store.close();
    await expect(store.ping({})).rejects.toMatchObject({ code: 'unavailable' });
    expect((await Promise.all(posting)).map(({ ordinal }) => ordinal)).toEqual(posting.map((_, index) => index + 1));
    await closing;
    await store.close();
    const again = await open(path);
    expect((await new Cast(again).mine(ana, channel)).messageCount).toBe(100);
    await again.close();
  });

  test('calls of one turn share commits, and a fault of ours fails alone', async () => {
    const store = await open(aPath());
    const cast = new Cast(store);
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    const commits: number[] = [];
    store.onCommitted((entries) => commits.push(entries.length));
    const posts = Array.from({ length: 60 }, () => cast.post(ana, channel));
    const fault = store.createSession({ id: newId(), userId: 'nobody', refreshTokenHash: 'h', at: 1, expiresAt: 2 });
    await expect(fault).rejects.toThrow(/FOREIGN KEY/);
    await Promise.all(posts);
    expect(commits.length).toBeLessThan(5);
    expect(commits.reduce((sum, count) => sum + count, 0)).toBe(60);
    await store.close();
  });
});
