import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { register } from '../packages/server/src/test/people.ts';
import { openPostgres, type PostgresEngine } from '../packages/server/src/test/postgres-engine.ts';
import { findRedis } from '../packages/server/src/test/redis-engine.ts';
import { freePort } from '../packages/server/src/test/server-process.ts';
import { readServices } from './compose-files.ts';
import { copyProductionTree } from './production-tree.ts';

const PROJECT = join(import.meta.dirname, '..');
const dockerfile = readFileSync(join(PROJECT, 'Dockerfile'), 'utf8');

/** Whom the image runs as, where the tests may become somebody else. */
const account = process.getuid?.() === 0 ? { uid: 1_000, gid: 1_000 } : {};

let folder: string;
let postgres: PostgresEngine;
let redis: Awaited<ReturnType<typeof findRedis>>;
let node: string;
let running: ChildProcess | null = null;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-image-'));
  chmodSync(folder, 0o755);
  [postgres, redis] = await Promise.all([openPostgres(), findRedis()]);
  copyProductionTree(join(folder, 'app'));
  spawnSync('chmod', ['-R', 'a-w,a+rX', join(folder, 'app')]);
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  if (account.uid) chownSync(join(folder, 'data'), account.uid, account.gid);
  node = nodeForAll();
}, 300_000);

afterAll(async () => {
  running?.kill('SIGKILL');
  await Promise.all([postgres.close(), redis.stop()]);
  spawnSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true });
});

/** The Node that the tests run on, or a copy where others may not go to it. */
function nodeForAll(): string {
  if (spawnSync(process.execPath, ['--version'], { ...account, cwd: '/' }).status === 0) return process.execPath;
  copyFileSync(process.execPath, join(folder, 'node'));
  chmodSync(join(folder, 'node'), 0o755);
  return join(folder, 'node');
}

/** Every setting of `.env.example`, with the value that stands there. */
function exampleSettings(): Record<string, string> {
  const lines = readFileSync(join(PROJECT, '.env.example'), 'utf8').matchAll(/^# (\w+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}

/** A path of the container as it is here. */
const here = (text: string) =>
  text.replace(/^\/(app|data)\b/, (_, name) => join(folder, name)).replace(/^\/run\/parley\b/, join(folder, 'secrets'));

const commandOf = (instruction: string): string[] =>
  JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(dockerfile)?.[1] ?? '[]');

test('the command of the image runs with what Compose gives it: on folders that it may not write, as nobody special', async () => {
  const settings = { ...exampleSettings(), DATABASE_URL: await postgres.database(), REDIS_URL: redis.url };
  const { app, secrets } = readServices(join(PROJECT, 'compose.yaml'), settings);
  const made = spawnSync('sh', [join(PROJECT, 'deploy/make-secrets.sh'), join(folder, 'secrets')], {
    env: { PATH: process.env.PATH, ...textsOf(secrets?.environment) },
  });
  expect(made.status).toBe(0);

  const ofImage = [...dockerfile.matchAll(/^(?:ENV| {4}) ?(PARLEY_\w+|NODE_ENV)=(\S+)/gm)];
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    ...Object.fromEntries(ofImage.map(([, name, value]) => [name, here(value as string)])),
    ...Object.fromEntries(Object.entries(textsOf(app?.environment)).map(([name, value]) => [name, here(value)])),
    PORT: String(port),
  };
  expect(env).toMatchObject({ NODE_ENV: 'production', PARLEY_DATA_DIR: join(folder, 'data') });
  const [, ...args] = [...commandOf('ENTRYPOINT'), ...commandOf('CMD')].map(here);
  const server = spawn(node, args, { ...account, cwd: join(folder, 'app'), env, stdio: ['ignore', 'pipe', 'pipe'] });
  running = server;
  let output = '';
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));

  const [, , ...probe] = (app?.healthcheck?.test ?? []).map(here);
  const ask = () => promisify(execFile)(node, probe, { ...account, cwd: join(folder, 'app'), env });
  const { stdout } = await vi.waitFor(ask, { timeout: 30_000, interval: 200 }).catch((error) => {
    throw new Error(`It is not well: ${error}\n${output}`);
  });
  expect(JSON.parse(stdout)).toEqual({ status: 'ok', checks: { database: true, accepting: true }, warnings: [] });

  const ana = await register(`http://127.0.0.1:${port}`);
  const channel = await ana.ask('POST', '/channels', { name: newId(), kind: 'private' });
  const message = await ana.ask('POST', `/channels/${channel.id}/messages`, { id: newId(), body: 'from a container' });
  expect(message).toMatchObject({ ordinal: 1, body: 'from a container' });
  await vi.waitFor(() =>
    expect(readFileSync(join(folder, 'data/logs/api_requests.log'), 'utf8')).toContain('API CALL: POST'),
  );
  expect(existsSync(join(folder, 'app/node_modules/.cache'))).toBe(false);
  expect(existsSync(join(folder, 'data/code-cache'))).toBe(true);

  server.kill('SIGTERM');
  const [code] = await once(server, 'exit');
  expect(code).toBe(0);
  expect(output).toContain('Closed.');
  expect(output).not.toMatch(/"level":"(?:warn|error|fatal)"/);
});

function textsOf(environment: Readonly<Record<string, string | number>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value ?? '')]));
}
