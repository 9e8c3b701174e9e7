import { Failure } from '@parley/protocol/errors';
import type { Context } from '../operations/context.ts';
import { operations } from '../operations/index.ts';
import { OPERATIONS, type PostOutcome } from '../store.ts';
import type { SqliteConnection } from './connection.ts';
import type { Call, Result } from './messages.ts';
import { packed } from './packed-outcomes.ts';

interface Outcome {
  readonly results: Result[];
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
  const undoing = writes.length > 1 ? ONE_OF_MANY : ALONE;
  try {
    driver.exec(wrote ? BEGIN_TO_WRITE : 'begin');
    const results: Result[] = [];
    for (const call of calls) results.push(await runCall(connection, call, undoing));
    driver.exec('commit');
    return { results, wrote };
  } catch (error) {
    if (driver.isTransaction) driver.exec('rollback');
    if (!wrote) return { results: calls.map((call) => unavailable(call, error)), wrote };
    const refused = writes.map((call) => unavailable(call, error));
    const reads = calls.filter((call) => OPERATIONS[call.name] === 'read');
    const again = await runGroup(connection, reads);
    return { ...again, results: [...refused, ...again.results] };
  }
}

const BEGIN_TO_WRITE = 'begin immediate';

/** The statements around a write that undo it where it is refused, and nothing else. */
interface Undoing {
  readonly before: string;
  readonly keep: string;
  readonly undo: string;
}

const ONE_OF_MANY: Undoing = {
  before: 'savepoint operation',
  keep: 'release operation',
  undo: 'rollback to operation; release operation',
};

/** Behind a savepoint SQLite copies each page before it changes it, which is 8 % of the work for a batch of messages. */
const ALONE: Undoing = { before: '', keep: '', undo: `rollback; ${BEGIN_TO_WRITE}` };

async function runCall({ driver, ...tools }: SqliteConnection, call: Call, undoing: Undoing): Promise<Result> {
  const context: Context = { ...tools, entries: [] };
  const undoable = OPERATIONS[call.name] === 'write';
  if (undoable) driver.exec(undoing.before);
  try {
    const operation = operations[call.name] as (context: Context, input: unknown) => Promise<unknown>;
    const value = await operation(context, call.input);
    if (undoable) driver.exec(undoing.keep);
    if (call.name === 'postMessages') return { id: call.id, ok: true, posted: packed(value as PostOutcome[]) };
    return { id: call.id, ok: true, value, entries: context.entries };
  } catch (error) {
    if (isEngineFailure(error)) throw error;
    if (undoable) driver.exec(undoing.undo);
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
