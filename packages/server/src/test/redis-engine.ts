import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './server-process.ts';

/** A real Redis that carries nothing which somebody else needs, as far as a test keeps to its own channels and keys. */
interface FoundRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** A real Redis of one's own, to be treated badly. */
export interface OwnRedis extends FoundRedis {
  /** Ends it at once, as a crash would. Its data are gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** SIGSTOP: its sockets stay open, and nothing answers. */
  pause(): void;
  resume(): void;
  /** Carries out a command and resolves with its answer. */
  command(name: string, ...args: string[]): Promise<unknown>;
}

/** The Redis that `REDIS_URL` names, or else one of one's own. */
export async function findRedis(): Promise<FoundRedis> {
  const url = process.env.REDIS_URL;
  return url ? { url, stop: async () => undefined } : startRedis();
}

/**
 * Starts a Redis on a free port and a folder of its own, from the binary of this machine; where there is none and apt
 * may be used, it is installed.
 */
export async function startRedis(): Promise<OwnRedis> {
  const binary = redisBinary();
  const folder = mkdtempSync(join(tmpdir(), 'parley-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  const start = async () => {
    child = await launched(binary, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]);
  };
  const kill = async () => {
    const ending = child;
    child = null;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, 'exit');
    // A process that is stopped ends by this signal, too.
    ending.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url,
    start,
    kill,
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    async command(name, ...args) {
      const client = new Redis(url);
      try {
        return await client.call(name, ...args);
      } finally {
        client.disconnect();
      }
    },
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function launched(binary: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const hear = (text: string) => {
      output += text;
      if (output.includes('Ready to accept connections')) resolve();
    };
    child.stdout?.setEncoding('utf8').on('data', hear);
    child.stderr?.setEncoding('utf8').on('data', hear);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Redis ended with ${code} before it was ready:\n${output}`)));
  });
  return child;
}

function redisBinary(): string {
  return onThisMachine() ?? (installed() ? onThisMachine() : undefined) ?? fail();
}

function onThisMachine(): string | undefined {
  return ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0);
}

/** Test files that find nothing at the same time wait for one of them to install it. */
function installed(): boolean {
  if (process.getuid?.() !== 0) return false;
  const install =
    'command -v redis-server || ' +
    '{ apt-get update; DEBIAN_FRONTEND=noninteractive ' +
    'apt-get install --yes --no-install-recommends --option DPkg::Lock::Timeout=300 redis-server; }';
  const lock = join(tmpdir(), 'parley-apt.lock');
  return spawnSync('flock', [lock, 'sh', '-c', install], { stdio: 'ignore' }).status === 0;
}

function fail(): never {
  throw new Error(
    'These tests need a Redis of their own. Provide it in one of these ways: have redis-server or valkey-server on the ' +
      'PATH; or run them as root on Debian or Ubuntu, where apt-get installs it. For those that end or stop no Redis, ' +
      'REDIS_URL may name a running one, such as that of `docker run --rm --publish 6379:6379 redis`.',
  );
}
