import './start-lean.js';

// Loads what `compile-ahead.js` wants to have been compiled, and ends.

async function openAndCloseDatabase() {
  // In memory: the thread of the database is started as in a server, because threads keep what they compile apart.
  const { openSqliteStore } = await import('../src/storage/sqlite/sqlite-store.ts');
  const store = await openSqliteStore({ path: ':memory:', synchronous: 'full' });
  await store.close();
}

const { DATABASE_URL = '', DATABASE_URL_FILE, REDIS_URL } = process.env;
// What is read from a file holds a password, so it is the address of a server.
const isElsewhere = /^postgres/.test(DATABASE_URL) || Boolean(DATABASE_URL_FILE);
await Promise.allSettled([
  import('../src/cli/command-line.ts'),
  import('../src/cli/serve.ts'),
  isElsewhere ? import('../src/storage/postgres/postgres-store.ts') : openAndCloseDatabase(),
  REDIS_URL && import('../src/redis/redis-link.ts'),
  ...process.argv.slice(2).map((module) => import(module)),
]);
process.exit();
