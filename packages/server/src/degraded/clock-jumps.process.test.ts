import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFailed, test, vi } from 'vitest';
import { chanceOf } from '../../../client/src/test/chance.ts';
import { type Person, RawSocket, register, requestJson, signIn } from '../test/people.ts';
import { freePort, type ServerProcess, startServerProcess } from '../test/server-process.ts';
import { storedInSqlite } from '../test/sqlite-file.ts';
import { Traffic, wholeLog } from '../test/traffic.ts';

const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);
const HOUR_MS = 3_600_000;
/** Where the clock stands after each jump. */
const JUMPS = [HOUR_MS, 0, -HOUR_MS, HOUR_MS, 0];

let folder: string;
let server: ServerProcess;

beforeEach(async () => {
  onTestFailed(() => console.error(`The seed was ${SEED}: PARLEY_TEST_SEED makes the same choices again.`));
  folder = mkdtempSync(join(tmpdir(), 'parley-clock-'));
  const preload = pathToFileURL(join(import.meta.dirname, '../test/clock-to-set.ts')).href;
  server = await startServerProcess({
    ...{ folder, port: await freePort() },
    env: {
      PARLEY_FLOOD: 'off',
      PARLEY_HEARTBEAT_SECONDS: '1',
      NODE_OPTIONS: `--import=${preload}`,
      CLOCK_FILE: join(folder, 'ahead'),
    },
  });
});
afterEach(async () => {
  await server.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Sets the server's clock that much ahead of the machine's, and waits until it is. */
async function setClock(ahead: number): Promise<void> {
  const told = server.output().length;
  writeFileSync(join(folder, 'ahead'), String(ahead));
  process.kill(server.pid, 'SIGUSR2');
  await vi.waitFor(() => expect(server.output().slice(told)).toContain(`The clock is ${ahead} ms ahead.`));
}

const me = (accessToken: string) => requestJson(server.url, 'GET', '/me', undefined, accessToken);
const refreshed = (refreshToken: string) => requestJson(server.url, 'POST', '/auth/refresh', { refreshToken });

describe('a clock that jumps by an hour', () => {
  test('[S1] [O1] [O2] [O3] [D1] [D2] changes no order, closes no socket and signs nobody out', async () => {
    const traffic = await Traffic.between({
      nodes: [{ name: 'node', url: server.url }],
      doors: [server.url, server.url, server.url],
      chance: chanceOf(SEED),
      stored: async (channelIds) => storedInSqlite(join(folder, 'data', 'parley.db'), channelIds),
    });
    const changes: string[] = [];
    for (const { name, device } of traffic.someone) {
      device.client.subscribe(() => {
        const { status } = device.client.getConnection();
        if (status !== 'online') changes.push(`${name}: ${status}`);
      });
    }
    traffic.pour();
    await traffic.flow(50);
    for (const ahead of JUMPS) {
      await setClock(ahead);
      // Somebody new, and a client that comes back at this very hour.
      expect((await me((await register(server.url)).accessToken)).status).toBe(200);
      await traffic.someone[2]?.device.client.rest.bootstrap();
      // Long enough for each socket to be visited by the heartbeat, which closes those whose token has run out.
      const moment = performance.now();
      await traffic.flow(50);
      await vi.waitFor(() => expect(performance.now() - moment).toBeGreaterThan(1_100), { timeout: 5_000 });
    }
    expect(await traffic.faults()).toEqual([]);
    expect(changes).toEqual([]);
    const log = await wholeLog(server.url, traffic.auditor, traffic.channelIds[0] as string);
    const times = log.map(({ at }) => Date.parse(at));
    // Or else the clock did not jump.
    expect(times.some((time, place) => time < (times[place - 1] ?? 0) || time > Date.now() + HOUR_MS / 2)).toBe(true);
    traffic.close();
  });

  test.each([
    ['ahead', HOUR_MS],
    ['back', -HOUR_MS],
  ])('%s: tokens of before are renewed at worst, and a refresh whose answer was lost is no theft', async (_, jump) => {
    const ana = await register(server.url);
    const [first, second] = (await Promise.all([
      signIn(server.url, ana.username),
      signIn(server.url, ana.username),
    ])) as [Person, Person];
    const socket = await RawSocket.signedIn(server.url, first);
    const lost = (await refreshed(second.refreshToken)).body;
    await setClock(jump);

    const again = await refreshed(second.refreshToken);
    expect([again.status, again.body.refreshToken]).toEqual([200, lost.refreshToken]);
    expect((await me(again.body.accessToken)).status).toBe(200);
    const { status, body } = await me(first.accessToken);
    expect([status, body.code]).toEqual(jump > 0 ? [401, 'invalid_token'] : [200, undefined]);
    const renewed = (await refreshed(first.refreshToken)).body;
    expect((await me(renewed.accessToken)).status).toBe(200);
    expect(await socket.ask({ type: 'auth', token: renewed.accessToken })).toMatchObject({ type: 'ok' });

    await setClock(0);
    const { accessToken } = (await refreshed(renewed.refreshToken)).body;
    expect((await me(accessToken)).status).toBe(200);
    const resumed = await RawSocket.signedIn(server.url, { ...first, accessToken });
    expect(await resumed.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    for (const open of [socket, resumed]) open.close();
  });
});
