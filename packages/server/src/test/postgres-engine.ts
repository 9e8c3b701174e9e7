import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { newId } from '@parley/protocol';
import { Client } from 'pg';
import { aptGet } from './apt.ts';
import { freePort } from './server-process.ts';

const run = promisify(execFile);

/** A PostgreSQL server for tests, on which each asks for a database of its own. */
export interface PostgresEngine {
  /** Makes an empty database and returns its address. */
  database(): Promise<string>;
  /** Runs a statement as the server's administrator, on one of its databases or on its own. */
  administer(statement: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Removes what was made, and stops the server where it was started here. */
  close(): Promise<void>;
}

/** A server that the test owns, and may stop and start as it likes. */
export interface OwnPostgres extends PostgresEngine {
  /** `immediate` is what a crash is: nothing is finished, and the next start recovers. */
  stop(how: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP: its sockets stay open, and nothing answers. */
  pause(): Promise<void>;
  resume(): void;
}

/** The server that DATABASE_URL names, else one of our own. */
export async function openPostgres(): Promise<PostgresEngine> {
  const given = process.env.DATABASE_URL;
  return given && /^postgres(ql)?:/.test(given) ? engineAt(given) : startPostgres();
}

/** Starts a server of our own on a free port, from the machine's binaries or such as can be installed. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<OwnPostgres> {
  const binaries = await findBinaries();
  const folder = mkdtempSync(join(tmpdir(), 'parley-postgres-'));
  const account = unprivilegedAccount();
  if (account) chownSync(folder, account.uid, account.gid);
  const data = join(folder, 'data');
  const password = newId();
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  await run(
    join(binaries, 'initdb'),
    [
      ...['--pgdata', data, '--username', 'parley', '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
      ...['--encoding', 'UTF8', '--no-locale', '--no-sync'],
    ],
    { ...account, cwd: folder },
  );

  const port = await freePort();
  const options = { listen_addresses: '127.0.0.1', unix_socket_directories: folder, ...settings };
  const args = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let server: ChildProcess | null = null;
  let paused: number[] = [];
  const killed = () => server?.kill('SIGQUIT');
  process.once('exit', killed);

  const engine = engineAt(`postgres://parley:${password}@127.0.0.1:${port}/postgres`);
  const start = async () => {
    const child = spawn(join(binaries, 'postgres'), ['-D', data, '-p', String(port), ...args], {
      ...account,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server = child;
    let said = '';
    child.stderr.on('data', (chunk) => {
      said = (said + chunk).slice(-4_000);
    });
    while (!(await answers(engine))) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const stop = async (how: 'fast' | 'immediate') => {
    const child = server;
    server = null;
    if (!child || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await exited;
  };
  await start();
  return {
    ...engine,
    start,
    stop,
    async pause() {
      const others = await engine.administer('select pid from pg_stat_activity where pid <> pg_backend_pid()');
      paused = [server?.pid, ...others.map(({ pid }) => pid)].filter((pid) => typeof pid === 'number');
      for (const pid of paused) process.kill(pid, 'SIGSTOP');
    },
    resume() {
      for (const pid of paused.splice(0)) process.kill(pid, 'SIGCONT');
    },
    async close() {
      await stop('immediate');
      process.off('exit', killed);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function engineAt(url: string): PostgresEngine {
  const made: string[] = [];
  const urlOf = (database: string) => {
    const address = new URL(url);
    address.pathname = `/${database}`;
    return address.href;
  };
  const administer = async (statement: string, database?: string) => {
    const client = new Client({ connectionString: database ?? url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(statement)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  };
  return {
    administer,
    async database() {
      const name = `parley_test_${newId().replaceAll('-', '')}`;
      await administer(`create database ${name}`);
      made.push(name);
      return urlOf(name);
    },
    async close() {
      for (const name of made.splice(0)) await administer(`drop database if exists ${name} with (force)`);
    },
  };
}

async function answers(engine: PostgresEngine): Promise<boolean> {
  return engine.administer('select 1').then(
    () => true,
    () => false,
  );
}

/** The folder of `initdb` and `postgres`. */
async function findBinaries(): Promise<string> {
  const found = binariesHere();
  if (found) return found;
  const tried = await install();
  const installed = binariesHere();
  if (installed) return installed;
  throw new Error(
    'These tests need PostgreSQL. Any of these will do: set DATABASE_URL to a server on which databases may be made ' +
      '(tests that stop the server need one of the others as well); install PostgreSQL, so that initdb and postgres ' +
      `are in PATH or in /usr/lib/postgresql/*/bin; or run them as root on Debian, where apt-get installs it (${tried}).`,
  );
}

function binariesHere(): string | undefined {
  const versions = globSync('/usr/lib/postgresql/*/bin').sort((a, b) => versionOf(b) - versionOf(a));
  const folders = [...versions, ...(process.env.PATH ?? '').split(delimiter)];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
}

function versionOf(binaries: string): number {
  return Number(dirname(binaries).split('/').at(-1));
}

/** Installs PostgreSQL where that is possible, and says in a few words how it went. */
async function install(): Promise<string> {
  if (process.getuid?.() !== 0) return 'this is not root';
  if (!existsSync('/usr/bin/apt-get')) return 'there is no apt-get';
  try {
    await aptGet('update');
    // The common part first, so that it can be told not to start a server of its own.
    await aptGet('install', '--yes', '--no-install-recommends', 'postgresql-common');
    const settings = '/etc/postgresql-common/createcluster.d';
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'parley.conf'), 'create_main_cluster = false\n');
    await aptGet('install', '--yes', '--no-install-recommends', 'postgresql');
    return 'which it did';
  } catch (error) {
    return `which failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** PostgreSQL refuses to run as root: somebody else does it for root. */
function unprivilegedAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const account = accounts.find(([name]) => name === wanted);
    if (account) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  return { uid: 65_534, gid: 65_534 };
}
