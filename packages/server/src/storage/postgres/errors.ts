import { Failure } from '@parley/protocol/errors';

/** There is no connection to be had. Nothing happened. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected';
}

/** The connection was lost before COMMIT was sent. Nothing happened: the engine rolls back what nobody commits. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** The connection was lost while COMMIT was under way: it may have happened or not. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';
}

/** Somebody came into being after it had been looked up what to lock. Nothing happened. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

/** What PostgreSQL says of an error: https://www.postgresql.org/docs/current/errcodes-appendix.html */
interface EngineError {
  readonly code: string;
  readonly severity: string;
}

export function engineError(error: unknown): EngineError | null {
  const { code, severity } = (error ?? {}) as Partial<EngineError>;
  return typeof code === 'string' && typeof severity === 'string' ? { code, severity } : null;
}

/** Whether the engine ended the connection with this error. */
export function isFatal(error: unknown): boolean {
  const severity = engineError(error)?.severity;
  return severity === 'FATAL' || severity === 'PANIC';
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';
const UNIQUE_VIOLATION = '23505';
const STALE_PLAN = '0A000';

/** Whether a prepared statement's plan went out of date, as when a newer node has changed a table. */
export function isStalePlan(error: unknown): boolean {
  return engineError(error)?.code === STALE_PLAN && /cached plan/.test((error as Error).message);
}

/**
 * Whether the same operation can simply be run again because it did not happen: it lost against another one, whose
 * outcome it will see the next time, or its connection.
 */
export function canRunAgain(error: unknown): boolean {
  if (error instanceof ConnectionLost || isStalePlan(error)) return true;
  const code = engineError(error)?.code;
  return code === SERIALIZATION_FAILURE || code === DEADLOCK || code === UNIQUE_VIOLATION;
}

/** Lack of resources, an operator's hand, a timeout, a fault of the system; a standby that takes no writes. */
const UNAVAILABLE = /^(08|40|53|57|58|25006|55P03)/;

/** The error as callers know it: what is not their doing and may pass is `unavailable`, a fault of ours stays itself. */
export function asFailure(error: unknown): unknown {
  const isPassing =
    error instanceof NotConnected ||
    error instanceof ConnectionLost ||
    error instanceof CommitUnknown ||
    isFatal(error) ||
    isStalePlan(error) ||
    UNAVAILABLE.test(engineError(error)?.code ?? '');
  return isPassing ? unavailable(error) : error;
}

/** The cause is for the log alone: it may tell of addresses and accounts. */
export function unavailable(cause: unknown): Failure {
  return new Failure('unavailable', { detail: 'The database cannot do this now.' }, { cause });
}

/** An error in words. Node tells of several addresses that all failed by a list without a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ');
  const { message, code } = error as Error & { code?: string };
  return message || code || String(error);
}
