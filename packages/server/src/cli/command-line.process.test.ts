import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Command, runParley } from '../test/parley-command.ts';

const PASSWORD = 'seven lazy otters';

let folder: string;
let running: Command[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-cli-'));
  running = [];
});

afterEach(async () => {
  for (const command of running) command.process.kill('SIGKILL');
  await Promise.all(running.map((command) => command.exitCode));
  rmSync(folder, { recursive: true });
});

describe('parley', () => {
  test('--help shows the commands, --version the version', async () => {
    const help = parley(['--help']);
    expect(await help.exitCode).toBe(0);
    expect(help.stdout()).toContain('admin create-superuser');
    const version = parley(['--version']);
    expect(await version.exitCode).toBe(0);
    expect(version.stdout()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [['frobnicate'], 'There is no command "parley frobnicate".'],
    [['admin'], 'There is no command "parley admin".'],
    [['--loud'], "Unknown option '--loud'"],
    [['serve', '--promote'], `Unknown option '--promote' for "parley serve".`],
    [['serve', '--yes'], `Unknown option '--yes' for "parley serve".`],
    [['health', '--yes'], `Unknown option '--yes' for "parley health".`],
    [['admin', 'new-epoch', '--live'], `Unknown option '--live' for "parley admin new-epoch".`],
    [['admin', 'create-superuser', '--yes'], `Unknown option '--yes' for "parley admin create-superuser".`],
    [['admin', 'create-superuser', '--username'], "'--username <value>' argument missing"],
  ])('%j exits with 2, says why, and points to the help', async (args, reason) => {
    const command = parley(args);
    expect(await command.exitCode).toBe(2);
    expect(command.stderr()).toContain(reason);
    expect(command.stderr()).toContain('parley --help');
  });

  test('a bad environment exits with 2 and lists everything at once, by name', async () => {
    const command = parley(['serve'], { env: { PORT: 'http', LOG_LEVEL: 'loud', PARLEY_FLOOD: 'much' } });
    expect(await command.exitCode).toBe(2);
    expect(command.stderr()).toMatch(
      /^The configuration has 3 problems:\n {2}PORT: .*\n {2}PARLEY_FLOOD: .*\n {2}LOG_LEVEL: /,
    );
  });

  test('a data folder that cannot be used exits with 1 and names it', async () => {
    writeFileSync(join(folder, 'file'), '');
    const command = parley(['serve'], { env: { PARLEY_DATA_DIR: join(folder, 'file/data') } });
    expect(await command.exitCode).toBe(1);
    expect(command.stderr()).toContain(join(folder, 'file/data'));
    expect(command.stderr()).toContain('PARLEY_DATA_DIR');
    expect(command.stderr()).not.toContain('    at ');
  });

  test('migrate brings the database up to date and stops', async () => {
    const command = parley(['migrate']);
    expect(await command.exitCode).toBe(0);
    expect(command.stdout()).toContain(join(folder, 'data/parley.db'));
  });
});

describe('parley serve', () => {
  test('says where it is, and ends with 0 on SIGTERM', async () => {
    const server = parley([]);
    const url = await addressOf(server);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    server.process.kill('SIGTERM');
    expect(await server.exitCode).toBe(0);
  });

  test('ends with 0 on SIGTERM also while it waits for its database, and shows no password', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await vi.waitFor(() => expect(probe.listening).toBe(true));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const server = parley([], { env: { DATABASE_URL: `postgres://parley:hunter22@127.0.0.1:${port}/parley` } });
    await vi.waitFor(() => expect(server.stdout()).toContain('cannot be reached yet'), { timeout: 20_000 });
    server.process.kill('SIGTERM');
    expect(await server.exitCode).toBe(0);
    expect(server.stdout()).toContain('DATABASE_URL: PostgreSQL at 127.0.0.1');
    expect(server.stdout() + server.stderr()).not.toContain('hunter22');
  });

  test('refuses a port in use with a sentence that names PORT', async () => {
    const other = createServer().listen(0);
    await vi.waitFor(() => expect(other.listening).toBe(true));
    const { port } = other.address() as AddressInfo;
    const command = parley(['serve'], { env: { PORT: String(port) } });
    expect(await command.exitCode).toBe(1);
    expect(command.stderr()).toContain(`Port ${port} is in use.`);
    expect(command.stderr()).toContain(`PORT=${port + 1}`);
    other.close();
  });

  test('refuses the data of another server that is running', async () => {
    await addressOf(parley(['serve']));
    const second = parley(['serve']);
    expect(await second.exitCode).toBe(1);
    expect(second.stderr()).toMatch(/^Another Parley server is using /);
  });
});

describe('parley health', () => {
  const ask = (url: string, ...args: string[]) => parley(['health', ...args], { env: { PORT: new URL(url).port } });

  test('a server that is well is ready, wherever it listens', async () => {
    const url = await addressOf(parley(['serve'], { env: { HOST: '0.0.0.0' } }));
    const ready = parley(['health'], { env: { PORT: new URL(url).port, HOST: '0.0.0.0' } });
    expect(await ready.exitCode, ready.stderr()).toBe(0);
    expect(JSON.parse(ready.stdout())).toMatchObject({ status: 'ok' });
  });

  test('one that is not ready, one that says nothing and one that is not there are told apart, and end with 1', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    const busy = createHttpServer(({ url }, response) => {
      response.writeHead(url === '/readyz' ? 503 : 200).end(JSON.stringify({ status: url }));
    }).listen(0, '127.0.0.1');
    await vi.waitFor(() => expect(busy.listening && silent.listening).toBe(true));
    const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [hanging, ready, alive] = [ask(urlOf(silent)), ask(urlOf(busy)), ask(urlOf(busy), '--live')];
    expect(await ready.exitCode).toBe(1);
    expect(ready.stderr()).toBe('The server is not ready (503): {"status":"/readyz"}\n');
    expect(await alive.exitCode).toBe(0);
    const url = urlOf(busy);
    busy.close();
    const gone = ask(url);
    expect(await gone.exitCode).toBe(1);
    expect(gone.stderr()).toMatch(/^The server at 127\.0\.0\.1, port \d+, does not answer: .*ECONNREFUSED/);
    expect(await hanging.exitCode).toBe(1);
    expect(hanging.stderr()).toContain('nothing came within 3 s');
    silent.close();
  });

  test('without a port that can be known, nothing is asked', async () => {
    const command = parley(['health']);
    expect(await command.exitCode).toBe(1);
    expect(command.stderr()).toContain('PORT is 0');
  });
});

describe('parley admin new-epoch', () => {
  const epochOf = () => {
    const file = new DatabaseSync(join(folder, 'data/parley.db'), { readOnly: true });
    const row = file.prepare("select value from facts where name = 'epoch'").get();
    file.close();
    return row?.value;
  };

  test('[D4] gives the database a new epoch, and asks before it does', async () => {
    expect(await parley(['migrate']).exitCode).toBe(0);
    const before = epochOf();
    const unasked = parley(['admin', 'new-epoch']);
    expect(await unasked.exitCode).toBe(2);
    expect(unasked.stderr()).toContain('give --yes');
    expect(epochOf()).toBe(before);
    const command = parley(['admin', 'new-epoch', '--yes']);
    expect(await command.exitCode).toBe(0);
    expect(command.stdout()).toContain('has a new epoch');
    expect(epochOf()).not.toBe(before);
  });

  test('is refused while a server runs, and where there is no database', async () => {
    const missing = parley(['admin', 'new-epoch', '--yes']);
    expect(await missing.exitCode).toBe(1);
    expect(missing.stderr()).toContain('There is no database ');
    await addressOf(parley(['serve']));
    const before = epochOf();
    const command = parley(['admin', 'new-epoch', '--yes']);
    expect(await command.exitCode).toBe(1);
    expect(command.stderr()).toMatch(/^A Parley server is using .*parley\.db\. Stop it first\.\n$/);
    expect(epochOf()).toBe(before);
  });
});

describe('parley admin create-superuser', () => {
  const create = (args: readonly string[], input = '') => parley(['admin', 'create-superuser', ...args], { input });

  test('makes an owner while the server runs, who can sign in at once', async () => {
    const url = await addressOf(parley(['serve']));
    const first = create(['--username', 'first.owner', '--password-stdin'], `${PASSWORD}\n`);
    expect(await first.exitCode).toBe(0);
    const second = create(['--username', 'second', '--display-name', 'The Second', '--password', PASSWORD]);
    expect(await second.exitCode).toBe(0);
    for (const username of ['first.owner', 'second']) {
      const answer = await fetch(`${url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password: PASSWORD }),
      });
      expect(await answer.json()).toMatchObject({ user: { username, role: 'owner' } });
    }
  });

  test('leaves an existing account alone unless told to promote it', async () => {
    expect(await create(['--username', 'taken', '--password', PASSWORD]).exitCode).toBe(0);
    const again = create(['--username', 'Taken', '--password', PASSWORD]);
    expect(await again.exitCode).toBe(1);
    expect(again.stderr()).toContain('--promote');
    const promoted = create(['--username', 'Taken', '--promote']);
    expect(await promoted.exitCode).toBe(0);
    expect(promoted.stdout()).toContain('taken is now an owner');
  });

  test.each([
    [['--password', PASSWORD], 'give --username'],
    [['--username', 'alice'], 'give --password-stdin'],
    [['--username', 'a b', '--password', PASSWORD], 'The username needs 3 to 32'],
    [['--username', 'alice', '--password', 'short'], 'The password needs at least 8 characters'],
    [['--username', 'alice', '--password', 'password123'], 'among the first'],
    [['--username', 'alice', '--password', PASSWORD, '--password-stdin'], 'not both'],
  ])('%j is refused as registering would', async (args, reason) => {
    const command = create(args);
    expect(await command.exitCode).not.toBe(0);
    expect(command.stderr()).toContain(reason);
    expect(command.stderr()).not.toContain(PASSWORD);
  });
});

/** Runs the command on a folder of its own, on a free port, without a terminal. */
function parley(args: readonly string[], { env = {}, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {}) {
  const command = runParley(args, { folder, env, input });
  running.push(command);
  return command;
}

async function addressOf(server: Command): Promise<string> {
  const announced = /Parley is at (http:\/\/[^"\s]+)/;
  await vi.waitFor(() => expect(server.stdout()).toMatch(announced), { timeout: 20_000 });
  return announced.exec(server.stdout())?.[1] as string;
}
