import { join } from 'node:path';
import type { BareInsertCommands } from '../floors/bare-insert.ts';
import { type BenchWorker, startWorker } from './bench-worker.ts';
import { openPostgres } from './engines.ts';
import { makeFolder, type ParleyServer, removeFolder, startParley } from './parley-server.ts';

/** The server on one of its databases, and what the comparison on that database needs. */
export interface IngestSubject {
  readonly engine: 'SQLite' | 'PostgreSQL';
  readonly server: ParleyServer;
  /** Processes beside the server's own whose work is its work. */
  readonly partners: Readonly<Record<string, number>>;
  /** Starts a bare insert with tables like those of the server's database, in a place of its own. */
  startFloor(name: string): Promise<BenchWorker<BareInsertCommands>>;
  close(): Promise<void>;
}

export async function openOnSqlite(): Promise<IngestSubject> {
  const server = await startParley();
  const database = join(server.dataFolder, 'data/parley.db');
  return {
    engine: 'SQLite',
    server,
    partners: {},
    async startFloor(name) {
      const floor = startFloorProcess('bare-insert-process.ts');
      await floor.ask('create', { at: join(server.dataFolder, `${name}.db`), like: database });
      return floor;
    },
    async close() {
      await server.stop();
      removeFolder(server);
    },
  };
}

/** Without Redis, which a single node does not need. */
export async function openOnPostgres(): Promise<IngestSubject> {
  const postgres = await openPostgres();
  const folder = makeFolder();
  const clean = async () => {
    await postgres.close();
    removeFolder({ dataFolder: folder });
  };
  try {
    const server = await startParley({ DATABASE_URL: postgres.url }, folder);
    return {
      engine: 'PostgreSQL',
      server,
      partners: { PostgreSQL: postgres.pid },
      async startFloor(name) {
        const floor = startFloorProcess('bare-insert-postgres-process.ts');
        await floor.ask('create', { at: name, like: postgres.url });
        return floor;
      },
      async close() {
        await server.stop();
        await clean();
      },
    };
  } catch (error) {
    await clean();
    throw error;
  }
}

function startFloorProcess(module: string): BenchWorker<BareInsertCommands> {
  return startWorker<BareInsertCommands>(join(import.meta.dirname, '../floors', module));
}
