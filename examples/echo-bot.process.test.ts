import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '@parley/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freePort, type ServerProcess, startServerProcess } from '../packages/server/src/test/server-process.ts';

const BOT = fileURLToPath(new URL('./echo-bot.ts', import.meta.url));
const PASSWORD = 'a long enough passphrase';
const PATIENCE = { timeout: 20_000, interval: 10 };

let folder: string;
let port: number;
let server: ServerProcess;
let bot: ChildProcess;
let person: Client;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-bot-'));
  port = await freePort();
  server = await startServerProcess({ folder, port });
  person = createClient({ url: server.url, backoff: { leastMs: 50, mostMs: 500 } });
  await person.register({ username: 'person', password: PASSWORD });
  await person.connect();
  bot = spawn(process.execPath, [BOT], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { PATH: process.env.PATH, PARLEY_URL: server.url, BOT_USERNAME: 'echo', BOT_PASSWORD: PASSWORD },
  });
});

afterEach(async () => {
  person.disconnect();
  if (bot.exitCode === null && bot.kill()) await once(bot, 'exit');
  await server.stop('SIGTERM');
  rmSync(folder, { recursive: true });
});

test('the echo bot answers every message once and in order, also those sent while the server was away', async () => {
  const knowsBot = () => [...(person.getState()?.users.values() ?? [])].some(({ username }) => username === 'echo');
  await vi.waitFor(() => expect(knowsBot()).toBe(true), PATIENCE);
  const { id } = await person.rest.createChannel({ body: { name: 'lounge', kind: 'private', members: ['echo'] } });
  await vi.waitFor(() => expect(person.getState()?.channels.has(id)).toBe(true), PATIENCE);
  await person.loadOlder(id);
  const me = person.getState()?.user.id;
  const answers = () =>
    person
      .getState()
      ?.timelines.get(id)
      ?.messages.filter(({ authorId }) => authorId !== me)
      .map(({ body }) => body);
  const said: string[] = [];
  const say = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () => {
        said.push(`message ${said.length + 1}`);
        return person.send(id, said.at(-1) ?? '');
      }),
    );

  await say(10);
  await vi.waitFor(() => expect(answers()).toEqual(said), PATIENCE);

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const before = say(10);
    await server.stop(signal);
    const meanwhile = say(5);
    server = await startServerProcess({ folder, port });
    await Promise.all([before, meanwhile]);
    await vi.waitFor(() => expect(answers()).toEqual(said), PATIENCE);
  }
  expect(bot.exitCode).toBeNull();
});
