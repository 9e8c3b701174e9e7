import { Worker } from 'node:worker_threads';
import { type Entry, Failure, fail } from '@parley/protocol';
import {
  type CommitReport,
  type MessageToPost,
  OPERATIONS,
  type OperationInput,
  type OperationName,
  type OperationResult,
  type Store,
  type StoreOperations,
} from '../store.ts';
import type { Call, FromWorker, Result, ToWorker, WorkerSettings } from './messages.ts';
import { unpacked } from './packed-outcomes.ts';

const MOST_WAITING = 20_000;

interface Waiting {
  readonly input: unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type CommitListener = (entries: readonly Entry[], report: CommitReport) => void;

/**
 * Opens the embedded store: SQLite in a thread of its own, so that an fsync never holds up the sockets. Rejects with a
 * sentence where the file cannot be opened.
 */
export async function openSqliteStore(settings: WorkerSettings): Promise<Store> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: settings });
  const { epoch, warnings } = await ready(worker);
  const bridge = new Bridge(worker);
  const operations = Object.fromEntries(
    (Object.keys(OPERATIONS) as OperationName[]).map((name) => [
      name,
      (input: OperationInput<typeof name>) => bridge.call(name, input),
    ]),
  ) as unknown as StoreOperations;
  return {
    ...operations,
    epoch,
    warnings,
    onCommitted: (listener) => bridge.onCommitted(listener),
    close: () => bridge.close(),
  };
}

function ready(worker: Worker): Promise<{ epoch: string; warnings: readonly string[] }> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: FromWorker) => {
      worker.off('error', reject);
      if (message.type === 'ready') resolve(message);
      else if (message.type === 'cannot-open') reject(new Error(message.reason));
    });
  });
}

/** Calls across the thread boundary: those of one turn travel together, answers come back a commit at a time. */
class Bridge {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners: CommitListener[] = [];
  #outgoing: Call[] = [];
  #lastId = 0;
  #closing = false;
  #onIdle = () => {};

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'done') this.#settle(message.results, message.report);
    });
    worker.on('exit', () => this.#abandon());
  }

  call<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationResult<Name>> {
    if (this.#closing || this.#waiting.size >= MOST_WAITING) return Promise.reject(fail('unavailable'));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { input, resolve: resolve as (value: unknown) => void, reject });
      if (this.#outgoing.push({ id, name, input }) === 1) queueMicrotask(() => this.#flush());
    });
  }

  onCommitted(listener: CommitListener): void {
    this.#listeners.push(listener);
  }

  /** Finishes what was asked, then closes the file. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#flush();
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage({ type: 'close' } satisfies ToWorker);
    await exited;
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    this.#worker.postMessage({ type: 'calls', calls: this.#outgoing } satisfies ToWorker);
    this.#outgoing = [];
  }

  #settle(results: readonly Result[], report: CommitReport | null): void {
    const answers = results.map((result) => this.#answerOf(result));
    if (report) {
      const entries = answers.flatMap((answer) => answer.entries);
      for (const listener of this.#listeners) listener(entries, report);
    }
    for (const { settle } of answers) settle();
    if (this.#waiting.size === 0) this.#onIdle();
  }

  /** The entries that a call appended, and how to tell the caller. */
  #answerOf(result: Result): { readonly entries: readonly Entry[]; settle(): void } {
    const waiting = this.#waiting.get(result.id);
    this.#waiting.delete(result.id);
    if (!waiting) return { entries: [], settle() {} };
    const { resolve, reject } = waiting;
    if (!result.ok) {
      const error = 'code' in result ? new Failure(result.code, result.details) : result.fault;
      return { entries: [], settle: () => reject(error) };
    }
    if (!('posted' in result)) return { entries: result.entries, settle: () => resolve(result.value) };
    const { outcomes, entries } = unpacked(result.posted, waiting.input as readonly MessageToPost[]);
    return { entries, settle: () => resolve(outcomes) };
  }

  // The thread died: what it was asked may or may not have been committed.
  #abandon(): void {
    for (const waiting of this.#waiting.values()) waiting.reject(fail('unavailable'));
    this.#waiting.clear();
    this.#closing = true;
    this.#onIdle();
  }
}
