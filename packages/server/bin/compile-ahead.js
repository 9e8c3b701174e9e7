import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A start goes on without after that long. */
const WITHIN_MS = 10_000;

/**
 * Lets another process read all of the server's code before this one does, the first time that this version starts. To
 * strip types and to compile takes some 30 MB that a process never gives back; afterwards both are found in the folder
 * of `start-lean.js`. Where nothing can be kept there, nothing happens. `others` are modules that are wanted as well.
 */
export function compileAhead(...others) {
  const folder = getCompileCacheDir();
  if (folder === undefined || !isFirstIn(folder)) return;
  const modules = [new URL('./all-code.js', import.meta.url), ...others].map((url) => fileURLToPath(url));
  spawnSync(process.execPath, modules, { stdio: 'ignore', timeout: WITHIN_MS });
}

/** Leaves a mark, so that it is tried once, by one process, however it turns out. */
function isFirstIn(folder) {
  try {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    closeSync(openSync(join(folder, `compiled-ahead-${version}`), 'wx'));
    return true;
  } catch {
    return false;
  }
}
