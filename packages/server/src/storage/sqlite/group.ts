import type { Entry } from '@parley/protocol';
import { Failure } from '@parley/protocol/errors';
import type { Context } from '../operations/context.ts';
import { operations } from '../operations/index.ts';
import { OPERATIONS } from '../store.ts';
import type { SqliteConnection } from './connection.ts';
import type { Call, Result } from './messages.ts';

interface Outcome {
  readonly results: Result[];
  /** What was committed, in order. */
  readonly entries: Entry[];
  readonly wrote: boolean;
}

/**
 * Group commit: runs the calls one after the other inside one transaction, so that all of them share one fsync. A
 * refused call is undone alone. Where the engine itself fails (a full disk, say) nothing of the group happened: its
 * writes are answered `unavailable` and its reads are run again without them.
 */
export async function runGroup(connection: SqliteConnection, calls: readonly Call[]): Promise<Outcome> {
  const { driver } = connection;
  const writes = calls.filter((call) => OPERATIONS[call.name] === 'write');
  const wrote = writes.length > 0;
  try {
    driver.exec(wrote ? 'begin immediate' : 'begin');
    const entries: Entry[] = [];
    const results: Result[] = [];
    for (const call of calls) results.push(await runCall(connection, call, entries));
    driver.exec('commit');
    return { results, entries, wrote };
  } catch (error) {
    if (driver.isTransaction) driver.exec('rollback');
    if (!wrote) return { results: calls.map((call) => unavailable(call, error)), entries: [], wrote };
    const refused = writes.map((call) => unavailable(call, error));
    const reads = calls.filter((call) => OPERATIONS[call.name] === 'read');
    const again = await runGroup(connection, reads);
    return { ...again, results: [...refused, ...again.results] };
  }
}

async function runCall({ driver, ...tools }: SqliteConnection, call: Call, entries: Entry[]): Promise<Result> {
  const context: Context = { ...tools, entries: [] };
  const undoable = OPERATIONS[call.name] === 'write';
  if (undoable) driver.exec('savepoint operation');
  try {
    const operation = operations[call.name] as (context: Context, input: unknown) => Promise<unknown>;
    const value = await operation(context, call.input);
    if (undoable) driver.exec('release operation');
    for (const entry of context.entries) entries.push(entry);
    return { id: call.id, ok: true, value };
  } catch (error) {
    if (isEngineFailure(error)) throw error;
    if (undoable) driver.exec('rollback to operation; release operation');
    if (error instanceof Failure) return { id: call.id, ok: false, code: error.code, details: error.details };
    return { id: call.id, ok: false, fault: error };
  }
}

// SQLite's primary result codes: busy, no memory, read-only, I/O error, corrupt, full, cannot open.
const ENGINE_FAILURES = new Set([5, 7, 8, 10, 11, 13, 14]);

function isEngineFailure(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' && ENGINE_FAILURES.has(code & 0xff);
}

function unavailable(call: Call, error: unknown): Result {
  const reason = error instanceof Error ? error.message : String(error);
  const detail = `The database cannot do this now: ${reason}.`;
  return { id: call.id, ok: false, code: 'unavailable', details: { detail } };
}
