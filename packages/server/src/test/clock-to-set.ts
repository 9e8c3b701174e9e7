import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded before a server (`node --import`): gives its process a wall clock that a test sets, as many milliseconds ahead
 * of the machine's as the file named by CLOCK_FILE says whenever SIGUSR2 comes. Timers run on as they would.
 */
const machineNow = Date.now;
let ahead = 0;
Date.now = () => machineNow() + ahead;
if (isMainThread) {
  process.on('SIGUSR2', () => {
    ahead = Number(readFileSync(process.env.CLOCK_FILE as string, 'utf8'));
    process.stdout.write(`The clock is ${ahead} ms ahead.\n`);
  });
}
