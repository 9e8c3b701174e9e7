import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const PROJECT = join(import.meta.dirname, '..');
const WEB = join(PROJECT, 'packages/web');
const BUILT = join(WEB, 'dist/index.html');

/** What the built app is made from, its own files and those of the packages that it stands on. */
const SOURCES = [
  'package-lock.json',
  'packages/web/package.json',
  'packages/web/index.html',
  'packages/web/vite.config.ts',
  'packages/web/public',
  'packages/web/src',
  'packages/client/src',
  'packages/protocol/src',
];

/** Builds the web app when there is none, or when one of its sources is newer. Ends the process when that fails. */
export function buildWebIfNeeded(): void {
  if (existsSync(BUILT) && statSync(BUILT).mtimeMs >= newestSource()) return;
  console.log(existsSync(BUILT) ? 'The web app has changed: building it.' : 'Building the web app, once.');
  const started = performance.now();
  const build = spawnSync(process.execPath, [viteBinary(), 'build', '--logLevel', 'warn'], {
    cwd: WEB,
    stdio: 'inherit',
  });
  if (build.status !== 0) {
    console.error('The web app could not be built: what is wrong stands above.');
    process.exit(1);
  }
  console.log(`The web app is built (${((performance.now() - started) / 1_000).toFixed(1)} s).`);
}

function newestSource(): number {
  return Math.max(...SOURCES.map((source) => newestWithin(join(PROJECT, source))));
}

/** Folders count too: removing a file touches nothing else. */
function newestWithin(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  const within = stats.isDirectory() ? readdirSync(path).map((name) => newestWithin(join(path, name))) : [];
  return Math.max(stats.mtimeMs, ...within);
}

function viteBinary(): string {
  try {
    return join(dirname(createRequire(join(WEB, 'package.json')).resolve('vite/package.json')), 'bin/vite.js');
  } catch {
    console.error('Vite is not installed, so the web app cannot be built: run "npm install", without --omit=dev.');
    process.exit(1);
  }
}

if (import.meta.main) buildWebIfNeeded();
