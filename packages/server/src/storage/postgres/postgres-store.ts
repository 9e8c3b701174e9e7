import { setTimeout as pause } from 'node:timers/promises';
import { type Entry, fail } from '@parley/protocol';
import type { Pool } from 'pg';
import type { Context } from '../operations/context.ts';
import { operations } from '../operations/index.ts';
import {
  type CommitReport,
  OPERATIONS,
  type OperationName,
  type PostOutcome,
  type Store,
  type StoreOperations,
} from '../store.ts';
import { openPool, type PostgresConnection, withConnection } from './connection.ts';
import { asFailure, CommitUnknown, canRunAgain, Overtaken, unavailable } from './errors.ts';
import { Lanes } from './lanes.ts';
import { type Call, locksOf, streamsOf } from './locks.ts';
import { type Opening, prepare } from './prepare.ts';
import { inTransaction } from './transaction.ts';

/** An operation that has no outcome by then is answered `unavailable`. */
const ANSWER_WITHIN_MS = 4_000;
const MOST_WAITING = 20_000;
/** How often an operation that lost against others is run before it counts as `unavailable`. */
const MOST_ATTEMPTS = 6;
const LONGEST_PAUSE_MS = 50;

const BEGIN = { text: 'begin isolation level read committed' };
/** All statements of a read see the same moment (rule R2). */
const BEGIN_TO_READ = { text: 'begin isolation level repeatable read read only' };
/** Reads that are one statement, which sees one moment by itself; and heads, each of which stands for itself. */
const SINGLE_READS: ReadonlySet<OperationName> = new Set<OperationName>([
  'findCredentials',
  'findSession',
  'listMyChannels',
  'discoverChannels',
  'listSubscriptions',
  'readHead',
  'readHeads',
]);

type CommitListener = (entries: readonly Entry[], report: CommitReport) => void;

/** What a transaction has decided. */
interface Done {
  readonly value: unknown;
  readonly entries: readonly Entry[];
}

/**
 * Opens the store on a PostgreSQL server: brings its schema up to date and checks its settings (rule S1). While the
 * server cannot be reached it is asked again, for `patienceMs`.
 * @throws StartError with a sentence that says what stands in the way
 */
export async function openPostgresStore(opening: Opening): Promise<Store> {
  const { epoch, warnings } = await prepare(opening);
  const store = new PostgresStore(openPool(opening.url));
  const operations = Object.fromEntries(
    (Object.keys(OPERATIONS) as OperationName[]).map((name) => [name, (input: unknown) => store.call({ name, input })]),
  ) as unknown as StoreOperations;
  return {
    ...operations,
    epoch,
    warnings,
    onCommitted: (listener) => store.onCommitted(listener),
    close: () => store.close(),
  };
}

/**
 * Runs each operation in a transaction of its own. Those of this node that append to the same stream take their turns,
 * so that they are committed, told and answered in the order in which they were asked (rule O3), and only one at a time
 * waits in the database for those of other nodes.
 */
class PostgresStore {
  readonly #pool: Pool;
  readonly #lanes = new Lanes();
  readonly #listeners: CommitListener[] = [];
  #underWay = 0;
  #closed: Promise<void> | null = null;
  #onIdle = () => {};

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  onCommitted(listener: CommitListener): void {
    this.#listeners.push(listener);
  }

  async call(call: Call): Promise<unknown> {
    if (this.#closed || this.#underWay >= MOST_WAITING) throw fail('unavailable');
    this.#underWay += 1;
    const deadline = new AbortController();
    const tooLate = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = unavailable(new Error(`The database did not answer within ${ANSWER_WITHIN_MS} ms.`));
      deadline.abort(error);
      tooLate.reject(error);
    }, ANSWER_WITHIN_MS);
    const { signal } = deadline;
    const work = OPERATIONS[call.name] === 'read' ? this.#read(call, signal) : this.#write(call, signal);
    try {
      return await Promise.race([work, tooLate.promise]);
    } catch (error) {
      throw asFailure(error);
    } finally {
      clearTimeout(timer);
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle();
    }
  }

  /** Finishes what was asked, then closes the connections. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
      await this.#pool.end();
    })();
    return this.#closed;
  }

  #read(call: Call, signal: AbortSignal): Promise<unknown> {
    const run = async (connection: PostgresConnection) => (await perform(call, connection)).value;
    return untilDone(signal, () =>
      SINGLE_READS.has(call.name)
        ? withConnection(this.#pool, signal, run)
        : inTransaction(this.#pool, signal, [BEGIN_TO_READ], run),
    );
  }

  #write(call: Call, signal: AbortSignal): Promise<unknown> {
    return untilDone(signal, () => this.#writeOnce(call, signal), isOvertaken);
  }

  async #writeOnce(call: Call, signal: AbortSignal): Promise<unknown> {
    const streams = await streamsOf(call, (text, values) => this.#lookUp(text, values, signal));
    return this.#lanes.run(streams, async () => {
      signal.throwIfAborted();
      const started = performance.now();
      const { value, entries } = await this.#commit(call, streams, signal);
      const messages = entries.filter((entry) => entry.event.type === 'message.posted').length;
      const report = { messages, millis: performance.now() - started };
      for (const listener of this.#listeners) listener(entries, report);
      return value;
    });
  }

  async #commit(call: Call, streams: readonly string[], signal: AbortSignal): Promise<Done> {
    const opening = [BEGIN, ...locksOf(call, streams)];
    const latest: { decided: Done | null } = { decided: null };
    const attempt = () =>
      inTransaction(this.#pool, signal, opening, async (connection) => {
        const decided = await perform(call, connection);
        requireLocked(decided.entries, streams);
        latest.decided = decided;
        return decided;
      });
    if (call.name !== 'postMessages') return untilDone(signal, attempt);

    let lost: Done | null = null;
    for (;;) {
      try {
        return reconciled(lost, await untilDone(signal, attempt));
      } catch (error) {
        // To post again is to look the ids up, under the lock that the lost transaction held: it has ended by then.
        if (error instanceof CommitUnknown && latest.decided) lost = reconciled(lost, latest.decided);
        if (!lost || signal.aborted) throw error;
        await pause(LONGEST_PAUSE_MS);
      }
    }
  }

  #lookUp(text: string, values: readonly unknown[], signal: AbortSignal): Promise<string[]> {
    return untilDone(signal, () =>
      withConnection(this.#pool, signal, async (connection) => {
        const { rows } = await connection.run(text, values);
        return rows.map(({ id }) => id);
      }),
    );
  }
}

async function perform({ name, input }: Call, { tables, engine }: PostgresConnection): Promise<Done> {
  const entries: Entry[] = [];
  const operation = operations[name] as (context: Context, input: unknown) => Promise<unknown>;
  return { value: await operation({ database: tables, engine, entries }, input), entries };
}

/** Runs what did not happen again, as long as it may turn out otherwise. */
async function untilDone<Result>(
  signal: AbortSignal,
  attempt: () => Promise<Result>,
  mayTurnOut: (error: unknown) => boolean = canRunAgain,
): Promise<Result> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (attempts === MOST_ATTEMPTS || signal.aborted || !mayTurnOut(error)) throw error;
      // Those that lost against each other should not meet again.
      await pause(Math.random() * LONGEST_PAUSE_MS);
    }
  }
}

function isOvertaken(error: unknown): boolean {
  return error instanceof Overtaken;
}

/** A log that grows without its row being locked beforehand could be told out of order, or wait in a circle. */
function requireLocked(entries: readonly Entry[], streams: readonly string[]): void {
  const stranger = entries.find(({ stream }) => !streams.includes(stream));
  if (stranger) throw new Overtaken(`The stream of an entry of type ${stranger.event.type} had not been locked.`);
}

/**
 * What became of a batch that was posted again because the answer to its COMMIT had been lost: where its messages are
 * there at the places that they had been given, the lost commit happened, and stands.
 */
function reconciled(lost: Done | null, again: Done): Done {
  if (!lost) return again;
  const first = lost.value as PostOutcome[];
  const found = new Set<string>();
  const value = (again.value as PostOutcome[]).map((outcome, place) => {
    const before = first[place];
    if (outcome.status !== 'duplicate' || before?.status !== 'posted') return outcome;
    if (outcome.message.seq !== before.message.seq) return outcome;
    found.add(outcome.message.id);
    return before;
  });
  const confirmed = lost.entries.filter(({ event }) => event.type === 'message.posted' && found.has(event.message.id));
  return { value, entries: [...confirmed, ...again.entries] };
}
