import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { vi } from 'vitest';
import { type Backend, type FrontDoor, openFrontDoor } from './front-door.ts';
import type { Stored } from './history.ts';
import { type OwnPostgres, startPostgres } from './postgres-engine.ts';
import { type OwnRedis, startRedis } from './redis-engine.ts';
import { freePort, type ServerProcess, startServerProcess } from './server-process.ts';

/** A node as a process, which a test ends, stops and starts again on the same port. */
export interface ClusterNode {
  readonly name: string;
  readonly url: string;
  start(): Promise<void>;
  /** Sends the signal and waits for the end: the exit code, or null where the signal ended it. */
  stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
  /** SIGSTOP: its sockets stay open, and nothing answers. New connections are led elsewhere. */
  pause(): void;
  resume(): void;
  /** The lines of its log, of all its runs. */
  log(): readonly LogLine[];
  readiness(): Promise<{ httpStatus: number; status: string; warnings: readonly string[] }>;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
}

/** Several nodes on one PostgreSQL and one Redis, all of them real processes. */
export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly postgres: OwnPostgres;
  readonly redis: OwnRedis;
  /** Runs a statement on the nodes' database. */
  administer(statement: string): Promise<Record<string, unknown>[]>;
  /** The messages of some channels, straight from the tables. */
  stored(channelIds: readonly string[]): Promise<readonly Stored[]>;
  /** An address that leads to this node and, while it is gone, to the others. */
  door(first: number): Promise<FrontDoor>;
  /** Waits until every node says of itself that it is `ok` or `degraded`. */
  allAre(status: 'ok' | 'degraded', timeout?: number): Promise<void>;
  close(): Promise<void>;
}

type Node = ClusterNode & Backend;

const READY_WITHIN_MS = 10_000;

export async function startCluster({ nodes: count = 2, env = {} }: ClusterOptions = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-cluster-'));
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const database = await postgres.database();
  const shared = {
    DATABASE_URL: database,
    REDIS_URL: redis.url,
    PARLEY_SECRET: `${newId()}${newId()}`,
    PARLEY_FLOOD: 'off',
    LOG_FORMAT: 'json',
    ...env,
  };
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, place) => aNode(`node ${place}`, join(folder, String(place)), shared)),
  );
  const doors: FrontDoor[] = [];
  const administer = (statement: string) => postgres.administer(statement, database);
  await Promise.all(nodes.map((node) => node.start()));
  return {
    ...{ nodes, postgres, redis },
    async door(first) {
      const door = await openFrontDoor([...nodes.slice(first), ...nodes.slice(0, first)]);
      doors.push(door);
      return door;
    },
    administer,
    async stored(channelIds) {
      const wanted = channelIds.map((id) => `'${id}'`).join(', ');
      const rows = await administer(`select id, channel_id, seq from messages where channel_id in (${wanted})`);
      return rows.map(({ id, channel_id, seq }) => ({ id: `${id}`, channelId: `${channel_id}`, seq: Number(seq) }));
    },
    async allAre(status, timeout = READY_WITHIN_MS) {
      for (const node of nodes) {
        await vi.waitFor(
          async () => {
            const found = await node.readiness();
            if (found.httpStatus !== 200 || found.status !== status) throw new Error(JSON.stringify(found));
          },
          { timeout, interval: 50 },
        );
      }
    },
    async close() {
      await Promise.all(doors.map((door) => door.close()));
      await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
      await Promise.all([postgres.close(), redis.stop()]);
      rmSync(folder, { recursive: true });
    },
  };
}

interface ClusterOptions {
  readonly nodes?: number;
  readonly env?: Readonly<Record<string, string>>;
}

async function aNode(name: string, folder: string, env: Readonly<Record<string, string>>): Promise<Node> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  /** The process, and those before it. */
  const runs: ServerProcess[] = [];
  let isPaused = false;
  const signal = (kind: 'SIGSTOP' | 'SIGCONT') => {
    isPaused = kind === 'SIGSTOP';
    process.kill((runs.at(-1) as ServerProcess).pid, kind);
  };
  return {
    ...{ name, port, url },
    isTaken: () => !isPaused,
    async start() {
      runs.push(await startServerProcess({ folder, port, env }));
    },
    async stop(how) {
      isPaused = false;
      return (await runs.at(-1)?.stop(how)) ?? null;
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    log() {
      const lines = runs.flatMap((run) => run.output().split('\n'));
      return lines.filter((line) => line.startsWith('{') && line.endsWith('}')).map((line) => JSON.parse(line));
    },
    async readiness() {
      const response = await fetch(`${url}/readyz`);
      return { httpStatus: response.status, ...((await response.json()) as { status: string; warnings: string[] }) };
    },
  };
}
