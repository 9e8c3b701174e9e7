import './start-lean.js';

// Loads what `compile-ahead.js` wants to have been compiled, and ends.

async function openAndCloseDatabase() {
  // In memory: the thread of the database is started as in a server, because threads keep what they compile apart.
  const { openSqliteStore } = await import('../src/storage/sqlite/sqlite-store.ts');
  const store = await openSqliteStore({ path: ':memory:', synchronous: 'full' });
  await store.close();
}

const { DATABASE_URL = '', REDIS_URL } = process.env;
const isElsewhere = /^postgres/.test(DATABASE_URL);
await Promise.allSettled([
  import('../src/cli/command-line.ts'),
  import('../src/cli/serve.ts'),
  isElsewhere ? import('../src/storage/postgres/postgres-store.ts') : openAndCloseDatabase(),
  REDIS_URL && import('../src/redis/redis-link.ts'),
  ...process.argv.slice(2).map((module) => import(module)),
]);
process.exit();
