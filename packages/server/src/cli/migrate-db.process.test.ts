import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { User } from '@parley/protocol';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { checksumsOfDatabase, checksumsOfFile } from '../storage/moving/test/dump.ts';
import { seedFile } from '../storage/moving/test/seeded-file.ts';
import { openStore } from '../storage/open-store.ts';
import { lockFile } from '../storage/sqlite/lock.ts';
import { type Command, runParley } from '../test/parley-command.ts';
import { openPostgres, type PostgresEngine } from '../test/postgres-engine.ts';
import { freePort, startServerProcess } from '../test/server-process.ts';

const MESSAGES = 100_000;

let engine: PostgresEngine;
let folder: string;
let running: Command[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-move-'));
  engine = await openPostgres();
}, 300_000);
afterEach(async () => {
  for (const command of running) command.process.kill('SIGKILL');
  await Promise.all(running.map((command) => command.exitCode));
  running = [];
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

/** Runs `parley migrate-db`; what it is not told, it is not told by the environment either. */
function migrateDb(options: { from?: string; to?: string }, env: NodeJS.ProcessEnv = {}): Command {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const command = runParley(['migrate-db', ...args], { folder, env });
  running.push(command);
  return command;
}

/** The sentence with which the command refuses. */
async function refusal(command: Command, code = 1): Promise<string> {
  expect([await command.exitCode, command.stderr()]).toEqual([code, expect.not.stringContaining('    at ')]);
  expect(command.stdout()).toBe('');
  return command.stderr();
}

async function succeeded(command: Command): Promise<string> {
  expect([await command.exitCode, command.stderr()]).toEqual([0, expect.any(String)]);
  return command.stdout();
}

/** A session that has a lock of PostgreSQL's, until it ends. */
async function holding(url: string, lock: number): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('select pg_advisory_lock($1)', [lock]);
  return client;
}

function bytesOf(path: string): string[] {
  return ['', '-wal'].map((ending) => {
    const bytes = readFileSync(path + ending, { flag: 'a+' });
    return createHash('sha256').update(bytes).digest('hex');
  });
}

/** What everybody would start from, as the store that the storage settings name tells it. */
async function snapshotsAt(people: readonly User[], settings: { sqlitePath: string; postgresUrl?: string }) {
  const storage = { dataDir: folder, synchronous: 'full', allowWeakDurability: false, ...settings } as const;
  const store = await openStore({ storage });
  const snapshots = [];
  for (const { id } of people) snapshots.push(await store.bootstrap({ userId: id }));
  await store.close();
  return snapshots;
}

describe('parley migrate-db with 100,000 messages', () => {
  test('[S2] [D4] [R2] killed half-way it goes on; nothing is lost, doubled or changed, and no server starts meanwhile', async () => {
    const path = join(folder, 'large.db');
    const { people } = await seedFile(path, MESSAGES);
    const bytes = bytesOf(path);
    const url = await engine.database();
    const { password } = new URL(url);

    const killed = migrateDb({ from: `sqlite:${path}`, to: url });
    const copied = async () => {
      const [row] = await engine.administer('select count(*)::int as count from messages', url).catch(() => []);
      return Number(row?.count ?? 0);
    };
    await vi.waitFor(async () => expect(await copied()).toBeGreaterThan(MESSAGES / 10), {
      timeout: 60_000,
      interval: 10,
    });
    killed.process.kill('SIGKILL');
    expect(await killed.exitCode).toBeNull();
    const before = await copied();
    expect(before).toBeLessThan(MESSAGES);

    const env = { DATABASE_URL: url };
    const starting = startServerProcess({ folder, port: await freePort(), env });
    const sentence = `This database holds an unfinished copy of ${path}. Finish it first, with the command that began it: npx parley migrate-db --from 'sqlite:${path}'`;
    await expect(starting).rejects.toThrow(sentence);
    await expect(starting).rejects.not.toThrow(password);

    const again = migrateDb({ from: `sqlite:${path}` }, env);
    const said = await succeeded(again);
    expect(again.stderr()).toMatch(/^Going on where the last run stopped\.\nCopying +[5-9]\d %, .* rows\n/);
    expect(again.stderr()).toMatch(/\nComparing 100 %, ([\d,]+) of \1 rows, [\d,]+ rows\/s\n$/);
    expect(said).toMatch(/: 200,\d\d\d rows, 1\d\d,\d\d\d of them by an earlier run\.\n/);
    expect(said).toContain('messages              100,000\n');
    expect(said).toContain('DATABASE_URL=');
    expect(said + again.stderr()).not.toContain(password);

    expect(bytesOf(path)).toEqual(bytes);
    expect(await checksumsOfDatabase(engine, url)).toEqual(checksumsOfFile(path));
    expect(await snapshotsAt(people, { sqlitePath: '', postgresUrl: url })).toEqual(
      await snapshotsAt(people, { sqlitePath: path }),
    );
  });
});

describe('parley migrate-db', () => {
  const small = () => join(folder, 'small.db');
  const from = () => `sqlite:${small()}`;
  beforeAll(() => seedFile(small(), 50));

  test('refuses a database that has tables, and says where it has been already', async () => {
    const url = await engine.database();
    await engine.administer('create table users (name text)', url);
    expect(await refusal(migrateDb({ from: from(), to: url }))).toContain('is not empty: it has a table "users"');
    expect(await engine.administer('select * from users', url)).toEqual([]);
    await engine.administer('drop table users', url);

    await succeeded(migrateDb({ from: from(), to: url }));
    expect(await refusal(migrateDb({ from: from(), to: url }))).toContain('has all of this already');
  });

  test('refuses a database in which a server has been started', async () => {
    const url = await engine.database();
    const storage = { dataDir: '', sqlitePath: '', synchronous: 'full', allowWeakDurability: false } as const;
    await (await openStore({ storage: { ...storage, postgresUrl: url } })).close();
    expect(await refusal(migrateDb({ from: from(), to: url }))).toContain('in which no server has been started');
  });

  test('refuses a file that a server uses, and keeps servers from it until it has ended', async () => {
    const lock = lockFile(small());
    const sentence = await refusal(migrateDb({ from: from(), to: await engine.database() }));
    expect(sentence).toBe(
      `A Parley server is using ${small()}. Stop it first, so that nothing is written there while it is copied.\n`,
    );
    lock?.release();
  });

  test('refuses to be the second on a database; a copy of something else is left alone', async () => {
    const url = await engine.database();
    const other = await holding(url, 8_271_990_412);
    const sentence = await refusal(migrateDb({ from: from(), to: url }));
    expect(sentence).toContain('Another command is moving messages to the database at ');
    await other.end();

    await engine.administer('create table unfinished_move (source text, epoch text, copying boolean)', url);
    await engine.administer("insert into unfinished_move values ('/srv/other.db', 'another', true)", url);
    expect(await refusal(migrateDb({ from: from(), to: url }))).toContain(
      'holds an unfinished copy of another database, /srv/other.db. Finish that one',
    );
  });

  test('Ctrl-C ends it with a sentence; until it was run again, no command uses what is there', async () => {
    const url = await engine.database();
    const migration = await holding(url, 8_271_990_411);
    const command = migrateDb({ from: from(), to: url });
    await vi.waitFor(
      async () => {
        const { rows } = await migration.query("select 1 from pg_locks where locktype = 'advisory' and not granted");
        expect(rows).toHaveLength(1);
      },
      { timeout: 20_000, interval: 20 },
    );
    command.process.kill('SIGINT');
    await migration.end();
    expect(await refusal(command)).toMatch(/Interrupted\. What has been copied is kept: run the same command again/);

    const args = ['admin', 'create-superuser', '--username', 'ana', '--password', 'seven lazy otters'];
    const admin = runParley(args, { folder, env: { DATABASE_URL: url } });
    running.push(admin);
    expect(await refusal(admin)).toContain(`holds an unfinished copy of ${small()}. Finish it first`);
    await succeeded(migrateDb({ from: from(), to: url }));
  });

  test('refuses files that are missing, of something else, or of another version', async () => {
    const to = await engine.database();
    const file = (name: string) => join(folder, name);
    expect(await refusal(migrateDb({ from: `sqlite:${file('none.db')}`, to }))).toBe(
      `There is no database at ${file('none.db')}.\n`,
    );
    writeFileSync(file('text.db'), 'this is not a database, it is a text that is long enough for a header'.repeat(20));
    expect(await refusal(migrateDb({ from: `sqlite:${file('text.db')}`, to }))).toContain('cannot be read: ');
    const stranger = new DatabaseSync(file('stranger.db'));
    stranger.exec('create table users (name text)');
    stranger.close();
    expect(await refusal(migrateDb({ from: `sqlite:${file('stranger.db')}`, to }))).toContain(
      'is not a Parley database',
    );
    for (const [name, change, sentence] of [
      ['newer.db', "insert into kysely_migration values ('9999-later', '2030-01-01')", 'a newer version of Parley'],
      ['older.db', 'delete from kysely_migration', `DATABASE_URL='sqlite:${file('older.db')}' npx parley migrate`],
    ] as const) {
      cpSync(small(), file(name));
      const copy = new DatabaseSync(file(name));
      copy.exec(change);
      copy.close();
      expect(await refusal(migrateDb({ from: `sqlite:${file(name)}`, to }))).toContain(sentence);
    }
    expect(await engine.administer("select 1 from pg_tables where schemaname = 'public'", to)).toEqual([]);
  });

  test.each([
    [{ from: 'postgres://ana:hunter22@db/parley', to: 'postgres://ana:hunter22@db/parley' }, 'not the other way round'],
    [{ to: 'sqlite:./other.db' }, '--to: messages are moved to PostgreSQL'],
    [{ to: 'mysql://ana:hunter22@db/parley' }, '--to: use sqlite: and the path of a file'],
    [{ to: 'postgres://ana:hunter22#@db/parley' }, '--to: use postgres://user:password@host:5432/database'],
    [{ to: 'postgres://ana:hunter22@db' }, '--to: name the database after the host'],
    [{ from: 'hunter22' }, '--from: use sqlite: and the path of a file'],
    [{}, 'Say where to, with --to or DATABASE_URL'],
  ])('%j exits with 2 and says why, without the password', async (options, reason) => {
    const sentence = await refusal(migrateDb(options), 2);
    expect(sentence).toContain(reason);
    expect(sentence).not.toContain('hunter22');
  });

  test('never repeats an address that stands in a wrong place', async () => {
    const command = runParley(['migrate-db', 'postgres://ana:hunter22@db/parley'], { folder });
    running.push(command);
    const sentence = await refusal(command, 2);
    expect(sentence).toContain('Name the databases with --from and --to.');
    expect(sentence).not.toContain('hunter22');
  });

  test('names the option where PostgreSQL refuses the connection', async () => {
    const url = new URL(await engine.database());
    url.username = 'nobody.here';
    url.password = 'hunter22';
    const sentence = await refusal(migrateDb({ from: from(), to: url.href }));
    expect(sentence).toMatch(/^--to: PostgreSQL at .* refuses the connection: /);
    expect(sentence).not.toContain('hunter22');
  });
});
