import { parentPort, workerData } from 'node:worker_threads';
import { readEpoch } from '../operations/logs.ts';
import { connect, durabilityWarnings, type SqliteConnection } from './connection.ts';
import { runGroup } from './group.ts';
import type { Call, FromWorker, Result, ToWorker, WorkerSettings } from './messages.ts';
import { migrate } from './migrate.ts';
import { countPosted } from './packed-outcomes.ts';

// Calls that arrive while a commit is running wait here and share the next one, up to so many: what is left over is at
// hand at once, while the other thread still tells of the last commit.
const waiting: Call[] = [];
const CALLS_PER_COMMIT = 64;
const MESSAGES_PER_COMMIT = 512;

const port = parentPort;
if (!port) throw new Error('This file runs as a worker thread.');
const say = (message: FromWorker) => port.postMessage(message);

try {
  const connection = await open(workerData as WorkerSettings);
  let working = false;
  port.on('message', (message: ToWorker) => {
    if (message.type === 'close') return close(connection);
    waiting.push(...message.calls);
    if (working) return;
    working = true;
    setImmediate(() => work(connection).finally(() => (working = false)));
  });
} catch (error) {
  say({ type: 'cannot-open', reason: error instanceof Error ? error.message : String(error) });
  port.close();
}

async function open(settings: WorkerSettings): Promise<SqliteConnection> {
  const connection = connect(settings.path, settings.synchronous);
  try {
    await migrate(connection);
    const epoch = await readEpoch(connection);
    say({ type: 'ready', epoch, warnings: durabilityWarnings(connection) });
    return connection;
  } catch (error) {
    // Whoever hears of it may want the file at once.
    connection.driver.close();
    throw error;
  }
}

async function work(connection: SqliteConnection): Promise<void> {
  while (waiting.length > 0) {
    const group = waiting.splice(0, callsOfNextCommit());
    const started = performance.now();
    const { results, wrote } = await runGroup(connection, group);
    const report = wrote ? { messages: countMessages(results), millis: performance.now() - started } : null;
    say({ type: 'done', results, report });
    // Lets calls in that arrived meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function callsOfNextCommit(): number {
  let messages = 0;
  let calls = 0;
  for (const { name, input } of waiting) {
    if (calls === CALLS_PER_COMMIT || messages >= MESSAGES_PER_COMMIT) break;
    calls += 1;
    if (name === 'postMessages') messages += (input as readonly unknown[]).length;
  }
  return calls;
}

function countMessages(results: readonly Result[]): number {
  return results.reduce((count, result) => count + ('posted' in result ? countPosted(result.posted) : 0), 0);
}

function close({ driver }: SqliteConnection): void {
  driver.close();
  port?.close();
}
