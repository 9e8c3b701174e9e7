import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import type { LoadCommands } from '../load/commands.ts';
import { observe } from '../measure/bottleneck.ts';
import { readResidentMegabytes } from '../measure/memory.ts';
import type { Outcome } from '../report/outcome.ts';
import type { Row } from '../report/row.ts';
import { startWorker } from '../subjects/bench-worker.ts';
import { makeFolder, type ParleyServer, removeFolder, startParley } from '../subjects/parley-server.ts';
import { SEEDED_SECRET, seed } from '../subjects/seed.ts';

const MOST_KILOBYTES = 15;
const CONNECTIONS = 5_000;
const ROOMS_EACH = 10;
const MEMBERS_OF_ROOM = 50;
const SETTLE_MS = 6_000;
const IDLE_MS = 4_000;
/** File descriptors that the processes need beside those of the connections. */
const OTHER_FILES = 200;

/** W5: what a connection that does nothing costs. */
export async function measureIdle(): Promise<Outcome> {
  const connections = Math.min(CONNECTIONS, roundDown(readFileLimit() - OTHER_FILES, 500));
  const folder = makeFolder();
  const settings = { PARLEY_SECRET: SEEDED_SECRET };
  const rooms = (connections * ROOMS_EACH) / MEMBERS_OF_ROOM;
  const { people } = await seed(folder, settings, { people: connections, rooms, roomsEach: ROOMS_EACH });
  const server = await startParley(settings, folder);
  const generator = startWorker<LoadCommands>(join(import.meta.dirname, '../load/generator-process.ts'));
  try {
    await wait(SETTLE_MS);
    const emptyMegabytes = readResidentMegabytes(server.pid);
    const emptyHeap = await readHeap(server);
    const { port } = server;
    const door = { port, path: SOCKET_PATH, subprotocol: SUBPROTOCOL };
    await generator.ask('aim', { ...door, channelId: '', senders: 0 });
    const { usage: signingIn } = await observe({ server: server.pid, generator: generator.pid }, () =>
      generator.ask('gather', { tokens: people.map(({ token }) => token) }),
    );
    await wait(SETTLE_MS);
    const { usage: idle } = await observe({ server: server.pid, generator: generator.pid }, () => wait(IDLE_MS));
    const fullMegabytes = readResidentMegabytes(server.pid);
    const fullHeap = await readHeap(server);
    const grown = ((fullHeap - emptyHeap) * 1_000) / connections;
    const row = (metric: string, unit: string, ours: number, target: number | null): Row => ({
      scenario: 'W5',
      case: `${connections.toLocaleString('en')} connections, ${ROOMS_EACH} channels each, idle`,
      ...{ metric, unit, ours, floor: null, ratio: null, target, better: 'lower', limitedBy: 'memory' },
    });
    return {
      rows: [
        row(
          'resident memory per connection',
          'kB',
          ((fullMegabytes - emptyMegabytes) * 1_000) / connections,
          MOST_KILOBYTES,
        ),
        row('server CPU per connection and second', 'µs', idle.cpu.total / idle.seconds / connections, null),
        row('server CPU per sign-in by socket', 'µs', signingIn.cpu.total / connections, null),
      ],
      method: {
        connections:
          `one socket and one session for each of as many people, each in ${ROOMS_EACH} private channels of ` +
          `${MEMBERS_OF_ROOM} members; on SQLite`,
        memory:
          `RSS of the server process ${(SETTLE_MS + IDLE_MS) / 1_000} s after the last of them signed in, less that of the ` +
          `same process before the first, ${SETTLE_MS / 1_000} s after it was ready; nothing is collected for the occasion`,
        seeding:
          "accounts, sessions and channels are made by the store's own operations before the start, without passwords; " +
          "the access tokens are signed with the server's secret",
        cpu: `over ${IDLE_MS / 1_000} s in which nobody writes: heartbeats, metrics, comparing heads`,
      },
      notes: [
        `the server occupied ${emptyMegabytes.toFixed(0)} MB before, ${fullMegabytes.toFixed(0)} MB with them; its main ` +
          `thread's JavaScript heap grew by ${grown.toFixed(1)} kB per connection, garbage included`,
      ],
      raw: { connections, emptyMegabytes, fullMegabytes, emptyHeap, fullHeap, signingIn, idle },
    };
  } finally {
    await Promise.all([server.stop(), generator.stop()]);
    removeFolder({ dataFolder: folder });
  }
}

/** Megabytes that the main thread's JavaScript heap has in use, garbage included. */
async function readHeap(server: ParleyServer): Promise<number> {
  const used = /^nodejs_heap_size_used_bytes (\S+)$/m.exec(await server.readMetrics())?.[1];
  return Number(used) / 1e6;
}

function readFileLimit(): number {
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

function roundDown(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
