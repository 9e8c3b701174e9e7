import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, onTestFailed, test, vi } from 'vitest';
import { chanceOf } from '../../../client/src/test/chance.ts';
import { RawSocket, requestJson } from '../test/people.ts';
import { freePort, type ServerProcess, startServerProcess } from '../test/server-process.ts';
import { makeSmallDisk, type SmallDisk } from '../test/small-disk.ts';
import { integrityOf, storedInSqlite } from '../test/sqlite-file.ts';
import { Traffic } from '../test/traffic.ts';

const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);

let folder: string;
let disk: SmallDisk;
let server: ServerProcess;
let traffic: Traffic;

// A file system of one's own, and a bound on files that holds for a running process: both are Linux's.
describe.runIf(process.platform === 'linux')('a disk that is full (on Linux)', () => {
  beforeEach(async () => {
    onTestFailed(() => console.error(`The seed was ${SEED}: PARLEY_TEST_SEED makes the same choices again.`));
    folder = mkdtempSync(join(tmpdir(), 'parley-disk-'));
    disk = makeSmallDisk(join(folder, 'disk'));
    server = await startServerProcess({
      ...{ folder, port: await freePort() },
      env: { PARLEY_FLOOD: 'off', PARLEY_DATA_DIR: disk.folder },
    });
    traffic = await Traffic.between({
      nodes: [{ name: 'node', url: server.url }],
      doors: [server.url, server.url, server.url],
      chance: chanceOf(SEED),
      stored: async (channelIds) => storedInSqlite(database(), channelIds),
    });
  });
  afterEach(async () => {
    traffic.close();
    await server.stop('SIGKILL');
    disk.remove();
    rmSync(folder, { recursive: true });
  });

  const database = () => join(disk.folder, 'parley.db');
  const isReady = (status: 200 | 503) =>
    vi.waitFor(async () => expect((await fetch(`${server.url}/readyz`)).status).toBe(status), {
      timeout: 15_000,
      interval: 20,
    });

  test('[S1] [S2] [S3] [O1] [O3] [D2] refuses, lets people read, and takes up where it left off once there is room', async () => {
    const { auditor, channelIds } = traffic;
    const [channelId = ''] = channelIds;
    const socket = await RawSocket.signedIn(server.url, auditor);
    traffic.pour();
    await traffic.flow(100);
    for (let round = 0; round < 2; round += 1) {
      disk.fill(server.pid);
      // What the file has room for inside may still be taken.
      await isReady(503);
      const acked = traffic.acked().length;
      const send = { type: 'send', id: newId(), channelId, body: 'x' };
      expect(await socket.ask(send)).toMatchObject({ type: 'fail', code: 'unavailable' });
      const post = () => auditor.request('POST', '/channels', { name: newId(), kind: 'private' });
      const answers = await Promise.all([post(), post(), post()]);
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(3).fill([503, 'unavailable']));
      for (const path of ['/bootstrap', '/channels', `/channels/${channelId}/messages`, `/channels/${channelId}/log`]) {
        expect((await requestJson(server.url, 'GET', path, undefined, auditor.accessToken)).status).toBe(200);
      }
      const reader = await RawSocket.signedIn(server.url, auditor, { cursors: { [channelId]: 0 } });
      await reader.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq > 20);
      reader.close();
      expect(traffic.acked().length).toBe(acked);

      disk.clear(server.pid);
      await traffic.flow(100);
      await isReady(200);
    }
    expect(await traffic.faults()).toEqual([]);
    expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    socket.close();
    expect(await server.stop('SIGTERM')).toBe(0);
    expect(integrityOf(database())).toBe('ok');
  });
});
