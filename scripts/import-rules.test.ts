import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SERVER = 'packages/server/src';

/** For one file of each layer, what it may import and what it may not. */
const LAYERS: readonly { file: string; may: readonly string[]; mayNot: readonly string[] }[] = [
  {
    file: 'packages/protocol/src/requests/scratch.ts',
    may: ['zod/mini', '../ids.ts'],
    mayNot: ['node:fs', '@parley/client'],
  },
  {
    file: 'packages/client/src/scratch.ts',
    may: ['@parley/protocol', './call.ts'],
    mayNot: ['node:fs', 'ws', '../../protocol/src/ids.ts'],
  },
  {
    file: 'packages/web/src/pages/scratch.tsx',
    may: ['@parley/client', '@parley/protocol', 'react', '../components/button.tsx'],
    mayNot: ['@parley/server', 'node:fs', '../../../server/src/domain/clock.ts'],
  },
  { file: 'examples/scratch.ts', may: ['@parley/client'], mayNot: ['../packages/client/src/call.ts'] },
  {
    file: `${SERVER}/domain/scratch.ts`,
    may: ['@parley/protocol', './clock.ts'],
    mayNot: ['node:fs', 'kysely', 'zod', '../storage/store.ts'],
  },
  {
    file: `${SERVER}/actions/scratch.ts`,
    may: [
      '../domain/actor.ts',
      '../storage/store.ts',
      '../throttle/throttle.ts',
      '../tail/recent-tail.ts',
      '@parley/protocol',
    ],
    mayNot: [
      '../gateway/commands.ts',
      '../http/routes/messages.ts',
      '../storage/sqlite/connection.ts',
      '../throttle/memory-throttle.ts',
      '../tail/redis-tail.ts',
      '../server.ts',
      'kysely',
      'hono',
      'ws',
    ],
  },
  {
    file: `${SERVER}/storage/operations/scratch.ts`,
    may: ['kysely', '../store.ts', '../../domain/clock.ts'],
    mayNot: ['../../http/app.ts', '../../actions/send-message.ts', '../../bus/bus.ts', '../../server.ts'],
  },
  {
    file: `${SERVER}/storage/sqlite/scratch.ts`,
    may: ['node:sqlite', '../operations/channels.ts'],
    mayNot: ['../postgres/open.ts', '../../actions/send-message.ts'],
  },
  { file: `${SERVER}/storage/postgres/scratch.ts`, may: ['../store.ts'], mayNot: ['../sqlite/connection.ts'] },
  { file: `${SERVER}/bus/memory-scratch.ts`, may: ['./bus.ts'], mayNot: ['./redis-bus.ts', '../storage/store.ts'] },
  { file: `${SERVER}/bus/redis-scratch.ts`, may: ['./bus.ts', 'ioredis'], mayNot: ['./memory-bus.ts'] },
  { file: `${SERVER}/redis/scratch.ts`, may: ['ioredis'], mayNot: ['../bus/bus.ts', '../http/app.ts', '../server.ts'] },
  {
    file: `${SERVER}/throttle/scratch.ts`,
    may: ['../domain/clock.ts'],
    mayNot: ['../bus/bus.ts', '../auth/tokens.ts'],
  },
  {
    file: `${SERVER}/tail/redis-scratch.ts`,
    may: ['./recent-tail.ts', '../redis/redis-link.ts', 'ioredis'],
    mayNot: ['./memory-tail.ts', '../bus/bus.ts', '../throttle/throttle.ts', '../delivery/hub.ts'],
  },
  { file: `${SERVER}/presence/scratch.ts`, may: ['../domain/clock.ts'], mayNot: ['../throttle/throttle.ts'] },
  {
    file: `${SERVER}/delivery/scratch.ts`,
    may: ['../storage/store.ts', '../bus/bus.ts', '../tail/recent-tail.ts'],
    mayNot: [
      '../storage/sqlite/connection.ts',
      '../bus/memory-bus.ts',
      '../tail/memory-tail.ts',
      '../redis/redis-link.ts',
      '../actions/send-message.ts',
    ],
  },
  {
    file: `${SERVER}/gateway/scratch.ts`,
    may: ['ws', '../actions/send-message.ts', '../delivery/hub.ts'],
    mayNot: ['../http/app.ts', '../storage/open-store.ts', '../server.ts'],
  },
  {
    file: `${SERVER}/http/routes/scratch.ts`,
    may: ['hono', '../../actions/send-message.ts', '../problems.ts'],
    mayNot: ['../../gateway/commands.ts', '../../storage/schema.ts', '../../cli/serve.ts', 'kysely'],
  },
  { file: `${SERVER}/auth/scratch.ts`, may: ['jose', '../domain/clock.ts'], mayNot: ['../storage/store.ts'] },
  { file: `${SERVER}/config/scratch.ts`, may: ['zod'], mayNot: ['../storage/store.ts', '../http/app.ts'] },
  { file: `${SERVER}/telemetry/scratch.ts`, may: ['pino', '../config/config.ts'], mayNot: ['../delivery/hub.ts'] },
  { file: `${SERVER}/cli/scratch.ts`, may: ['../server.ts', '../storage/open-store.ts'], mayNot: [] },
  { file: `${SERVER}/main.ts`, may: ['./server.ts'], mayNot: [] },
  { file: `${SERVER}/http/scratch.test.ts`, may: ['../test/test-server.ts', '../server.ts'], mayNot: [] },
];

test('each layer may import what it is meant to, and nothing else', async () => {
  const refused = await lintedImports(LAYERS.map(({ file, may, mayNot }) => ({ file, imports: [...may, ...mayNot] })));
  expect(refused).toEqual(Object.fromEntries(LAYERS.map(({ file, mayNot }) => [file, mayNot])));
});

/** Writes the files into a scratch folder, lints them with our rules, and says which of their imports are refused. */
async function lintedImports(files: readonly { file: string; imports: readonly string[] }[]) {
  const folder = await mkdtemp(join(tmpdir(), 'parley-imports-'));
  try {
    const { vcs: _, ...config } = JSON.parse(await readFile('biome.json', 'utf8'));
    await writeFile(join(folder, 'biome.json'), JSON.stringify(config));
    for (const { file, imports } of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), imports.map((from) => `import '${from}';\n`).join(''));
    }
    const output = await biomeLint(folder);
    return Object.fromEntries(
      files.map(({ file, imports }) => {
        const lines = [...output.matchAll(/noRestrictedImports,file=([^,]+),line=(\d+)/g)]
          .filter(([, path]) => path?.endsWith(file))
          .map(([, , line]) => Number(line));
        return [file, imports.filter((_from, index) => lines.includes(index + 1))];
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function biomeLint(folder: string): Promise<string> {
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
  const args = [biome, 'lint', '--reporter=github', '--max-diagnostics=none'];
  const run = promisify(execFile)(process.execPath, args, { cwd: folder });
  return run.then(
    ({ stdout }) => stdout,
    ({ stdout }) => stdout,
  );
}
