import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Keeps the code as Node has read it, types stripped and compiled, for the next start: it takes half the time and some
 * 20 MB less. Threads find the folder in the environment. Where it cannot be written, nothing is kept.
 */
if (!process.env.NODE_COMPILE_CACHE && !process.env.NODE_DISABLE_COMPILE_CACHE) {
  const folder = fileURLToPath(new URL('../../../node_modules/.cache/parley', import.meta.url));
  enableCompileCache(folder);
  process.env.NODE_COMPILE_CACHE = folder;
  setTimeout(flushCompileCache, 5_000).unref();
}
