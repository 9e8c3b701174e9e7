import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** From listening until everything has been imported and the first clients have come. */
const SETTLED_MS = 3_000;

/** Ends what `bin/start-lean.js` began, a little after the server has started: keeps the code, lets go of the memory. */
export function endStartSoon(): void {
  setTimeout(() => {
    setFlagsFromString('--semi-space-growth-factor=2');
    flushCompileCache();
    letGoOfTheStart();
  }, SETTLED_MS).unref();
}

/** One full collection, some 30 ms: a quiet server allocates too little to come to it, and would keep 5 MB for ever. */
function letGoOfTheStart(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
