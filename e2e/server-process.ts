import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..');

/** How long the server may take to answer that it is ready, and to close, in milliseconds. */
const READY_WITHIN_MS = 20_000;
const CLOSED_WITHIN_MS = 10_000;

/** The real server, as a process of its own, with the web app as it is now, on a folder that is gone afterwards. */
export interface ServerProcess {
  readonly url: string;
  /** Starts it, on the same port and the same data each time. Resolves once it is ready. */
  start(): Promise<void>;
  /** Asks it to end, by SIGTERM, and waits until it has. */
  stop(): Promise<void>;
  /** Ends it and removes its folder. */
  dispose(): Promise<void>;
}

/** Builds the web app, where it has changed, and prepares a server; `env` goes over the defaults. It is not started yet. */
export async function prepareServer(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-e2e-'));
  // Vite takes React's development build along unless it is told, which a test runner's NODE_ENV would keep it from.
  const buildEnv = { ...process.env, NODE_ENV: 'production' };
  await promisify(execFile)(process.execPath, ['scripts/build-web.ts'], { cwd: ROOT, env: buildEnv });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  let output = '';

  async function start(): Promise<void> {
    output = '';
    const started = spawn(process.execPath, ['packages/server/src/main.ts'], {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        HOST: '127.0.0.1',
        PARLEY_DATA_DIR: join(folder, 'data'),
        PARLEY_LOG_DIR: join(folder, 'logs'),
        PARLEY_THROTTLE_MESSAGES: 'off',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await isReady(url))) {
      if (started.exitCode !== null) throw new Error(`The server ended with ${started.exitCode}:\n${output}`);
      if (Date.now() > deadline) throw new Error(`The server is not ready after ${READY_WITHIN_MS} ms:\n${output}`);
      await pause(50);
    }
  }

  async function stop(): Promise<void> {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null) return;
    const closed = once(running, 'exit');
    running.kill('SIGTERM');
    const late = pause(CLOSED_WITHIN_MS, 'late', { ref: false });
    if ((await Promise.race([closed, late])) !== 'late') return;
    running.kill('SIGKILL');
    throw new Error(`The server had not closed ${CLOSED_WITHIN_MS} ms after SIGTERM:\n${output}`);
  }

  return {
    url,
    start,
    stop,
    async dispose() {
      await stop().finally(() => rm(folder, { recursive: true, force: true }));
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  );
}

/** A port that nobody listens on just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a listening server has no port');
  return address.port;
}
