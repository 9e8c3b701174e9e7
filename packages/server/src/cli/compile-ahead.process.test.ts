import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const BINARY = fileURLToPath(new URL('../../bin/parley.js', import.meta.url));

/** What Node tells of a TypeScript file that it has to strip because nothing was kept of it. */
const STRIPPED = /reading cache from \S+ for StrippedTypeScript (\S+)\.\.\. ?no such file/g;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-ahead-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('the server strips and compiles nothing of its own, not even at the first start, and only once is it done ahead', async () => {
  const cache = join(folder, 'cache');
  const first = await serve(cache);
  expect(first).toContain('accepted, keeping the in-memory entry');
  expect([...first.matchAll(STRIPPED)].map(([, file]) => file)).toEqual([]);

  const marks = () => readdirSync(cache, { recursive: true }).filter((name) => name.includes('compiled-ahead'));
  expect(marks()).toHaveLength(1);
  await serve(cache);
  expect(marks()).toHaveLength(1);
});

test('where nothing can be kept, the server starts all the same', async () => {
  const blocked = join(folder, 'a file');
  writeFileSync(blocked, '');
  expect(await serve(join(blocked, 'cache'))).not.toContain('accepted, keeping');
});

/** Starts a server on a free port, ends it once it listens, and returns what Node said about its cache of code. */
async function serve(cache: string): Promise<string> {
  const server = spawn(process.execPath, [BINARY], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_FORMAT: 'pretty',
      PARLEY_DATA_DIR: join(folder, 'data'),
      NODE_COMPILE_CACHE: cache,
      NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
    },
  });
  let output = '';
  const ended = new Promise((resolve) => server.once('exit', resolve));
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('Parley is at')) server.kill('SIGKILL');
    });
  }
  await ended;
  expect(output).toContain('Parley is at');
  return output;
}
