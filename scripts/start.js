import '../packages/server/bin/require-node-24.js';
import '../packages/server/bin/start-lean.js';
import { compileAhead } from '../packages/server/bin/compile-ahead.js';

const building = new URL('./build-web.ts', import.meta.url);
compileAhead(building);
const { buildWebIfNeeded } = await import(building.href);
buildWebIfNeeded();

closeWithNpm();
const { runCommandLine } = await import('../packages/server/src/cli/command-line.ts');
await runCommandLine(['serve']);

/** A SIGTERM that only npm gets ends npm and its shell, and would leave the server behind with the port and the data. */
function closeWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
}
