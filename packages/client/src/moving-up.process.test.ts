import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { runParley } from '../../server/src/test/parley-command.ts';
import { register } from '../../server/src/test/people.ts';
import { openPostgres, type PostgresEngine } from '../../server/src/test/postgres-engine.ts';
import { freePort, type ServerProcess, startServerProcess } from '../../server/src/test/server-process.ts';
import { createClient } from './client.ts';
import { memoryStorage } from './session.ts';
import { type Device, expectHeardLog, expectUpToDate, openDevice, wholeLog } from './test/device.ts';

const BACKOFF = { leastMs: 20, mostMs: 200 };

let engine: PostgresEngine;
let folder: string;
let server: ServerProcess;
let devices: Device[];

beforeAll(async () => {
  engine = await openPostgres();
}, 300_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-moving-up-'));
  devices = [];
});
afterEach(async () => {
  for (const device of devices) device.close();
  await server.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});
afterAll(() => engine.close());

test('[D4] [S2] [D1] [D2] clients of a server on SQLite go on where they were when it comes back on PostgreSQL', async () => {
  const port = await freePort();
  server = await startServerProcess({ folder, port });
  const open = async (sessionStorage = memoryStorage()) => {
    const device = await openDevice({ url: server.url, backoff: BACKOFF, sessionStorage });
    devices.push(device);
    return device;
  };
  const kept = memoryStorage();
  const [ana, bob] = await Promise.all([open(), open(kept)]);
  const channel = await ana.client.rest.createChannel({
    body: { name: newId(), kind: 'private', members: [bob.user.username] },
  });
  await ana.client.send(channel.id, 'heard by both');
  await expectUpToDate(bob);
  const signedInBefore = await register(server.url);
  const epoch = bob.client.getState()?.epoch;

  // Bob is away while ana writes, reads and is acknowledged; one of the answers gets lost on its way.
  bob.close();
  const heardBefore = bob.heard.length;
  const acks = [];
  for (let count = 0; count < 30; count += 1) acks.push(await ana.client.send(channel.id, `missed ${count}`));
  const unanswered = newId();
  await ana.client.rest.postMessage({ params: { id: channel.id }, body: { id: unanswered, body: 'unanswered' } });
  await expectUpToDate(ana);
  const log = await wholeLog(ana.client, channel.id);

  const database = await engine.database();
  const from = `sqlite:${join(folder, 'data', 'parley.db')}`;
  const migrateDb = () => runParley(['migrate-db', '--from', from, '--to', database], { folder });
  const tooEarly = migrateDb();
  expect(await tooEarly.exitCode).toBe(1);
  expect(tooEarly.stderr()).toMatch(/^A Parley server is using .*parley\.db\. Stop it first/);

  expect(await server.stop('SIGTERM')).toBe(0);
  const waiting = ana.client.send(channel.id, 'written while nobody answered');
  const again = ana.client.send(channel.id, 'unanswered', { id: unanswered });
  const command = migrateDb();
  expect([await command.exitCode, command.stderr()]).toEqual([0, expect.stringContaining('Comparing 100 %')]);
  expect(command.stdout()).toContain(`PARLEY_DATA_DIR='${join(folder, 'data')}'`);

  server = await startServerProcess({ folder, port, env: { DATABASE_URL: database } });
  const ack = await waiting;
  expect(ack.seq).toBe(log.length + 1);
  expect(await again).toEqual({ id: unanswered, channelId: channel.id, seq: log.length });
  expect(ana.client.getOutbox()).toEqual([]);

  await bob.comeBack();
  await expectUpToDate(bob);
  await expectUpToDate(ana);
  const after = await wholeLog(ana.client, channel.id);
  expect(after.slice(0, log.length)).toEqual(log);
  expect(after.slice(log.length).map(({ event }) => event)).toEqual([
    expect.objectContaining({ message: expect.objectContaining({ id: ack.id }) }),
  ]);
  for (const device of devices) expectHeardLog(device, after);
  // A reset would have begun with a fresh snapshot, and what was missed would not have been heard.
  expect(bob.client.getState()?.epoch).toBe(epoch);
  const missed = bob.heard.slice(heardBefore).filter(({ stream }) => stream === channel.id);
  expect(missed.map(({ seq }) => seq)).toEqual([...acks.map(({ seq }) => seq), log.length, ack.seq]);

  // Tokens that the server on SQLite has issued.
  expect((await signedInBefore.request('GET', '/bootstrap')).body.user.id).toBe(signedInBefore.id);
  const nextRun = createClient({ url: server.url, sessionStorage: kept });
  expect(await nextRun.restore()).toEqual(bob.user);
  expect((await nextRun.rest.bootstrap()).epoch).toBe(epoch);
});
