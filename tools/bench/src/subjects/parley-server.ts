import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API_PREFIX } from '@parley/protocol';

const SERVER_ENTRY = join(import.meta.dirname, '../../../../packages/server/bin/parley.js');
const READY_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 12_000;
const POLL_MS = 5;
const METRICS_TOKEN = 'token-of-the-bench-for-metrics-alone';

/** The settings a run needs beside the defaults: limits off, because the bench is faster than people. */
const BENCH_SETTINGS = {
  HOST: '127.0.0.1',
  LOG_LEVEL: 'warn',
  PARLEY_THROTTLE_MESSAGES: 'off',
  PARLEY_THROTTLE_SIGN_IN: 'off',
  PARLEY_THROTTLE_REGISTER: 'off',
  PARLEY_FLOOD: 'off',
  PARLEY_ACCESS_TOKEN_TTL: '1h',
  PARLEY_METRICS_TOKEN: METRICS_TOKEN,
};

/** The real server as a process of its own, on 127.0.0.1 and a folder of its own. */
export interface ParleyServer {
  readonly pid: number;
  readonly port: number;
  readonly dataFolder: string;
  /** `performance.now()` when the process was started. */
  readonly startedAt: number;
  /** A REST request; throws where the answer is not 2xx. */
  request<Answer>(method: 'GET' | 'POST', path: string, options?: { token?: string; body?: object }): Promise<Answer>;
  readMetrics(): Promise<string>;
  /** Ends it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
  /** The same folder and port under a new process. */
  restart(): Promise<ParleyServer>;
}

/** Environment variables beside those of every run. */
export type Settings = Readonly<Record<string, string>>;

const folders = new Set<string>();
process.once('exit', () => {
  for (const dataFolder of folders) removeFolder({ dataFolder });
});

/** An empty folder for a server to work in, which `removeFolder` deletes, and at the latest the end of this process. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  folders.add(folder);
  return folder;
}

/** Starts the server, on an empty folder unless one is given. It is ready when this resolves. */
export async function startParley(settings: Settings = {}, folder = makeFolder()): Promise<ParleyServer> {
  return start(folder, settings, await findFreePort());
}

export function removeFolder({ dataFolder }: Pick<ParleyServer, 'dataFolder'>): void {
  folders.delete(dataFolder);
  rmSync(dataFolder, { recursive: true, force: true });
}

async function start(folder: string, settings: Settings, port: number): Promise<ParleyServer> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [SERVER_ENTRY, 'serve'], {
    cwd: folder,
    env: { ...environmentFor(folder, settings), PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killWithBench = () => child.kill('SIGKILL');
  process.once('exit', killWithBench);
  child.once('exit', () => process.off('exit', killWithBench));
  await untilReady(child, port, output);
  return {
    pid: child.pid as number,
    port,
    dataFolder: folder,
    startedAt,
    request: (method, path, options) => request(port, method, path, options),
    async readMetrics() {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
        headers: { authorization: `Bearer ${METRICS_TOKEN}` },
      });
      return answer.text();
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      await ended;
      clearTimeout(impatience);
    },
    restart: () => start(folder, settings, port),
  };
}

async function untilReady(child: ChildProcess, port: number, output: () => string): Promise<void> {
  const deadline = performance.now() + READY_DEADLINE_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The server ended before it was ready:\n${output()}`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`The server was not ready within ${READY_DEADLINE_MS / 1_000} s:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function request<Answer>(
  port: number,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: object } = {},
): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}${API_PREFIX}${path}`, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text || 'null') as Answer;
}

/** The environment of a server in that folder, but for its port. */
export function environmentFor(folder: string, settings: Settings): NodeJS.ProcessEnv {
  return {
    ...withoutParleySettings(process.env),
    ...BENCH_SETTINGS,
    ...settings,
    PARLEY_DATA_DIR: join(folder, 'data'),
    PARLEY_LOG_DIR: join(folder, 'logs'),
  };
}

function withoutParleySettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = ['DATABASE_URL', 'REDIS_URL', 'LOG_FORMAT', 'PUBLIC_URL', 'TRUST_PROXY'];
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('PARLEY_') && !foreign.includes(name)),
  );
}

const KEPT_OUTPUT = 4_000;

function collectOutput(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
  }
  return () => output;
}

const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;

/**
 * A port that nobody listens on, below those that the system gives to outgoing connections: while a server is down, one
 * of thousands of clients that knock at its port would otherwise be given that very port, and connect to itself.
 */
async function findFreePort(): Promise<number> {
  for (;;) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}
