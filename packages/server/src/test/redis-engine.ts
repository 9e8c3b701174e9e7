import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { APT_LOCK } from './apt.ts';
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

/** A cluster of one's own. Its nodes' addresses stay the same; the first slots are the first node's, and so on. */
export interface OwnCluster {
  /** `redis+cluster://`, with all nodes. */
  readonly url: string;
  readonly nodes: readonly OwnRedis[];
  /** Resolves when every node says that the cluster works. */
  isWhole(): Promise<void>;
  /** Starts a replica of the nth node, and resolves when it may take its place. */
  addReplica(index: number): Promise<OwnRedis>;
  stop(): Promise<void>;
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
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<OwnRedis> {
  const binary = redisBinary();
  const folder = mkdtempSync(join(tmpdir(), 'parley-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  const start = async () => {
    const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    child = await launched(binary, [...own, ...given]);
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

/** Starts so many nodes that share all slots among them, without replicas. Takes about two seconds. */
export async function startRedisCluster(count = 3): Promise<OwnCluster> {
  const nodes = await Promise.all(Array.from({ length: count }, startClusterNode));
  const share = Math.ceil(16_384 / count);
  for (const [index, node] of nodes.entries()) {
    const last = Math.min(16_384, (index + 1) * share) - 1;
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(index * share), String(last));
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  const [first, ...others] = nodes as [OwnRedis, ...OwnRedis[]];
  for (const node of others) await meet(first, node);
  const isWhole = async () => {
    for (const node of nodes) await says(node, 'INFO', 'cluster_state:ok', 'cluster_slots_ok:16384', `size:${count}`);
  };
  await isWhole();
  return {
    url: `redis+cluster://${nodes.map(({ url }) => new URL(url).host).join(',')}`,
    nodes,
    isWhole,
    async addReplica(index) {
      const [replica, node] = [await startClusterNode(), nodes[index] as OwnRedis];
      const id = (await node.command('CLUSTER', 'MYID')) as string;
      await meet(node, replica);
      await says(replica, 'NODES', id);
      await replica.command('CLUSTER', 'REPLICATE', id);
      for (const known of nodes) await says(known, 'NODES', `slave ${id}`);
      while (!String(await replica.command('INFO', 'replication')).includes('master_link_status:up')) await pause(20);
      return replica;
    },
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

async function startClusterNode(): Promise<OwnRedis> {
  return startRedis({
    'cluster-enabled': 'yes',
    'cluster-port': String(await freePort()),
    'cluster-node-timeout': '1000',
    // What lives goes on when a part is gone.
    'cluster-require-full-coverage': 'no',
  });
}

async function meet(node: OwnRedis, other: OwnRedis): Promise<void> {
  const [, clusterPort] = (await other.command('CONFIG', 'GET', 'cluster-port')) as [string, string];
  await node.command('CLUSTER', 'MEET', '127.0.0.1', new URL(other.url).port, clusterPort);
}

/** Until a node's answer to a CLUSTER command has all these texts in it. */
async function says(node: OwnRedis, command: 'INFO' | 'NODES', ...texts: string[]): Promise<void> {
  for (;;) {
    const answer = String(await node.command('CLUSTER', command));
    if (texts.every((text) => answer.includes(text))) return;
    await pause(20);
  }
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

function installed(): boolean {
  if (process.getuid?.() !== 0) return false;
  const install =
    'command -v redis-server || ' +
    '{ apt-get update; DEBIAN_FRONTEND=noninteractive ' +
    'apt-get install --yes --no-install-recommends --option DPkg::Lock::Timeout=300 redis-server; }';
  return spawnSync('flock', [APT_LOCK, 'sh', '-c', install], { stdio: 'ignore' }).status === 0;
}

function fail(): never {
  throw new Error(
    'These tests need a Redis of their own. Provide it in one of these ways: have redis-server or valkey-server on the ' +
      'PATH; or run them as root on Debian or Ubuntu, where apt-get installs it. For those that end or stop no Redis, ' +
      'REDIS_URL may name a running one, such as that of `docker run --rm --publish 6379:6379 redis`.',
  );
}
