import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

// The least that keeping a message can cost beside an event loop: one row, one commit, synced, in a thread of its own.

const database = new DatabaseSync(String(workerData));
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE messages (body TEXT NOT NULL)');
const insert = database.prepare('INSERT INTO messages VALUES (?)');

parentPort?.on('message', (body: string) => {
  insert.run(body);
  parentPort?.postMessage(null);
});
