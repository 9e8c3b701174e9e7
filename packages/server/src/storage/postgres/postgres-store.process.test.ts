import { newId } from '@parley/protocol';
import { types } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { StartError } from '../../domain/start-error.ts';
import { openPostgres, type PostgresEngine } from '../../test/postgres-engine.ts';
import { openStore } from '../open-store.ts';
import { storeContract } from '../store.contract.ts';
import type { Store } from '../store.ts';
import { Cast } from '../test/cast.ts';
import { openPostgresStore } from './postgres-store.ts';

let engine: PostgresEngine;
let stores: Store[] = [];
beforeAll(async () => {
  engine = await openPostgres();
}, 300_000);
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
});
afterAll(() => engine.close());

async function open(url: string, allowWeakDurability = false): Promise<Store> {
  const store = await openPostgresStore({ url, allowWeakDurability, patienceMs: 1_000 });
  stores.push(store);
  return store;
}

async function refusal(opening: Promise<unknown>): Promise<string> {
  const error = await opening.catch((error: unknown) => error);
  if (error instanceof StartError) return error.message;
  throw error ?? new Error('The database was opened.');
}

storeContract('PostgreSQL', async () => {
  const url = await engine.database();
  let store = await openPostgresStore({ url, allowWeakDurability: false });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openPostgresStore({ url, allowWeakDurability: false });
      return store;
    },
    close: () => store.close(),
  };
});

describe('the PostgreSQL store', () => {
  test('keeps its epoch and its contents over a restart; another database has another epoch', async () => {
    const url = await engine.database();
    const first = await open(url);
    const ana = await new Cast(first).person();
    await first.close();
    const again = await open(url);
    expect(again.epoch).toBe(first.epoch);
    expect((await again.bootstrap({ userId: ana.id })).users).toEqual([ana]);
    expect((await open(await engine.database())).epoch).not.toBe(first.epoch);
  });

  test('several that open a new database at once migrate it once, and share its epoch', async () => {
    const url = await engine.database();
    const opened = await Promise.all(Array.from({ length: 5 }, () => open(url)));
    expect(new Set(opened.map(({ epoch }) => epoch)).size).toBe(1);
    expect(await engine.administer('select name from kysely_migration', url)).toEqual([{ name: '0001-first' }]);
  });

  test('refuses a database that a newer version has migrated, and leaves it as it is', async () => {
    const url = await engine.database();
    await (await open(url)).close();
    await engine.administer("insert into kysely_migration values ('0002-later', '2030-01-01')", url);
    expect(await refusal(open(url))).toMatch(/was made by a newer version of Parley\. Run that version/);
    const names = await engine.administer('select name from kysely_migration order by name', url);
    expect(names.map(({ name }) => name)).toEqual(['0001-first', '0002-later']);
  });

  test('who wants to be alone is refused while a node is there, also one that has nothing to do', async () => {
    const url = await engine.database();
    const alone = () => openPostgresStore({ url, allowWeakDurability: false, alone: true });
    const node = await open(url);
    await node.noteSecret({ fingerprint: 'x' });
    expect(await refusal(alone())).toMatch(/^A Parley server is using the database at .*\. Stop it first\.$/);
    await node.close();
    await vi.waitFor(async () => stores.push(await alone()), 5_000);
  });

  test('a migration that fails midway leaves nothing of itself, and succeeds once its obstacle is gone', async () => {
    const url = await engine.database();
    await engine.administer('create table messages (stranger text)', url);
    expect(await refusal(open(url))).toMatch(/could not be brought up to date: .*messages/);
    const tables = await engine.administer("select tablename from pg_tables where schemaname = 'public'", url);
    expect(tables.map(({ tablename }) => tablename).filter((name) => !String(name).startsWith('kysely'))).toEqual([
      'messages',
    ]);
    await engine.administer('drop table messages', url);
    await open(url);
  });

  test('[S1] a setting that can lose acknowledged messages is refused by name, or warned of where it is permitted', async () => {
    const url = await engine.database();
    const name = new URL(url).pathname.slice(1);
    for (const weak of ['off', 'local', 'remote_write']) {
      await engine.administer(`alter database ${name} set synchronous_commit = ${weak}`);
      const sentence = await refusal(open(url));
      expect(sentence).toContain(`PostgreSQL runs with synchronous_commit=${weak}: `);
      expect(sentence).toContain('PARLEY_ALLOW_WEAK_DURABILITY=1');
      expect((await open(url, true)).warnings).toEqual([expect.stringContaining(`synchronous_commit=${weak}`)]);
    }
    await engine.administer(`alter database ${name} set synchronous_commit = remote_apply`);
    expect((await open(url)).warnings).toEqual([]);
  });

  test('what is wrong with DATABASE_URL is told at once, with the cause and without the password', async () => {
    const url = await engine.database();
    const wrong = { password: new URL(url), nothing: new URL(url), account: new URL(url), database: new URL(url) };
    wrong.password.password = 'hunter22';
    wrong.nothing.password = '';
    wrong.account.username = 'no.such.account';
    wrong.database.pathname = '/no_such_database';
    for (const [what, { href, host }] of Object.entries(wrong)) {
      const started = performance.now();
      const sentence = await refusal(openPostgresStore({ url: href, allowWeakDurability: false }));
      expect([what, sentence]).toEqual([what, expect.stringContaining(`DATABASE_URL: PostgreSQL at ${host}/`)]);
      expect(sentence).toMatch(
        /refuses the connection: (password authentication failed|.*password must be a string|database .* does not exist)/,
      );
      expect(sentence).not.toContain('hunter22');
      expect(sentence).not.toContain(new URL(url).password);
      expect(performance.now() - started).toBeLessThan(5_000);
    }
  });

  test('options that cannot be used are told of as DATABASE_URL, without a stack and without the password', async () => {
    const url = 'postgres://parley:hunter22@127.0.0.1:1/parley?sslcert=/there/is/none';
    const sentence = await refusal(openPostgresStore({ url, allowWeakDurability: false }));
    expect(sentence).toMatch(
      /^DATABASE_URL: PostgreSQL at .* cannot be asked with these options: .*\/there\/is\/none'\.$/,
    );
    expect(sentence).not.toContain('hunter22');
  });

  test('a server that cannot be reached is asked again for a while, and then told of with the cause', async () => {
    const url = 'postgres://parley:hunter22@127.0.0.1:1/parley';
    const told: string[] = [];
    const onWaiting = (sentence: string) => told.push(sentence);
    const opening = openPostgresStore({ url, allowWeakDurability: false, patienceMs: 1_000, onWaiting });
    expect(await refusal(opening)).toMatch(
      /^DATABASE_URL: PostgreSQL at 127\.0\.0\.1:1\/parley could not be reached within 1 s: connect ECONNREFUSED.*\.$/,
    );
    expect(told).toEqual([expect.stringMatching(/^DATABASE_URL: .* cannot be reached yet, and is asked again: /)]);
    expect(told[0]).not.toContain('hunter22');
  });

  test('is what the configuration opens for such an address', async () => {
    const postgresUrl = await engine.database();
    const storage = {
      ...({ dataDir: '', sqlitePath: '', synchronous: 'full', allowWeakDurability: false } as const),
      postgresUrl,
    };
    const [one, two] = [await openStore({ storage }, { exclusively: true }), await openStore({ storage })];
    stores.push(one, two);
    const ana = await new Cast(one).person();
    expect((await two.findCredentials({ username: ana.username }))?.user).toEqual(ana);
  });

  test('[S3] finishes what it was asked before it closes, and refuses what comes later', async () => {
    const url = await engine.database();
    const store = await open(url);
    const cast = new Cast(store);
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    const posting = Array.from({ length: 100 }, () => cast.post(ana, channel));
    const closing = store.close();
    await expect(store.ping({})).rejects.toMatchObject({ code: 'unavailable' });
    expect((await Promise.all(posting)).map(({ ordinal }) => ordinal)).toEqual(posting.map((_, index) => index + 1));
    await closing;
    await store.close();
    expect((await new Cast(await open(url)).mine(ana, channel)).messageCount).toBe(100);
  });

  test('a fault of ours fails alone, and is told as it is', async () => {
    const store = await open(await engine.database());
    const cast = new Cast(store);
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    const posts = Array.from({ length: 20 }, () => cast.post(ana, channel));
    const fault = store.createSession({ id: newId(), userId: 'nobody', refreshTokenHash: 'h', at: 1, expiresAt: 2 });
    await expect(fault).rejects.toThrow(/foreign key/);
    expect((await Promise.all(posts)).length).toBe(20);
  });

  test('needs ten connections at most, whatever is asked at once', async () => {
    const url = await engine.database();
    const store = await open(url);
    const cast = new Cast(store);
    const people = await cast.people(20);
    const channels = await Promise.all(people.map((person) => cast.channel(person)));
    const busy = people.flatMap((person, place) =>
      Array.from({ length: 20 }, () => cast.post(person, channels[place] as { id: string })),
    );
    const count = `select count(*)::int as count from pg_stat_activity where application_name = 'parley' and datname = '${new URL(url).pathname.slice(1)}'`;
    const [found] = await engine.administer(count);
    expect(found?.count).toBeGreaterThan(1);
    expect(found?.count).toBeLessThanOrEqual(10);
    await Promise.all(busy);
  });

  test('orders by bytes whatever the database’s language, and tells nobody else’s driver how to read numbers', async () => {
    const url = await engine.database();
    await open(url);
    const [{ collation } = {}] = await engine.administer(
      "select collation_name as collation from information_schema.columns where table_name = 'users' and column_name = 'username_key'",
      url,
    );
    expect(collation).toBe('C');
    expect(types.getTypeParser(20)('9007199254740993')).toBe('9007199254740993');
  });
});
