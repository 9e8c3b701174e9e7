import { startPostgres } from '../../../../packages/server/src/test/postgres-engine.ts';
import { startRedis } from '../../../../packages/server/src/test/redis-engine.ts';
import { readParent } from '../measure/cpu.ts';

/** A database server of the bench's own, with the settings that it has by default. */
export interface BenchEngine {
  /** Of an empty database. */
  readonly url: string;
  /** The process from which all others of the engine descend. */
  readonly pid: number;
  close(): Promise<void>;
}

export interface BenchRedis extends BenchEngine {
  /** How many commands it has carried out since it was started, as it says itself. */
  countCommands(): Promise<number>;
}

/** A PostgreSQL from the machine's binaries, on a folder and a port of its own: `fsync` and `synchronous_commit` on. */
export async function openPostgres(): Promise<BenchEngine> {
  const engine = await startPostgres();
  try {
    const url = await engine.database();
    const [row] = await engine.administer("select pid from pg_stat_activity where backend_type = 'checkpointer'");
    const pid = readParent(Number(row?.pid));
    if (!pid) throw new Error('PostgreSQL does not tell which process it is.');
    return { url, pid, close: () => engine.close() };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** A Redis from the machine's binaries, on a port of its own. */
export async function openRedis(): Promise<BenchRedis> {
  const redis = await startRedis();
  try {
    const pid = Number(/^process_id:(\d+)/m.exec(String(await redis.command('INFO', 'server')))?.[1]);
    return {
      url: redis.url,
      pid,
      async countCommands() {
        const stats = String(await redis.command('INFO', 'stats'));
        return Number(/^total_commands_processed:(\d+)/m.exec(stats)?.[1]);
      },
      close: () => redis.stop(),
    };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}
