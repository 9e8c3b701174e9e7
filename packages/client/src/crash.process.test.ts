import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Entry, newId } from '@parley/protocol';
import { afterEach, beforeEach, expect, onTestFailed, test, vi } from 'vitest';
import { freePort, type ServerProcess, startServerProcess } from '../../server/src/test/server-process.ts';
import { chanceOf } from './test/chance.ts';
import { type Device, expectHeardLog, expectUpToDate, openDevice, wholeLog } from './test/device.ts';
import type { Ack } from './types.ts';

const BACKOFF = { leastMs: 20, mostMs: 200 };
const ROUNDS = 5;
/** Each device has one send a channel on its way: so many times the devices are in flight at a kill. */
const CHANNELS = 8;
const PER_ROUND = 40;
const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);

let folder: string;
let port: number;
let server: ServerProcess;
let devices: Device[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-crash-'));
  port = await freePort();
  server = await startServerProcess({ folder, port });
  devices = [];
});

afterEach(async () => {
  for (const device of devices) device.close();
  await server.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Four devices of three people, who are all in the same channels. */
async function openDevices(): Promise<string[]> {
  const open = async (username?: string) => {
    const device = await openDevice({ url: server.url, backoff: BACKOFF, ...(username && { username }) });
    devices.push(device);
    return device;
  };
  const ana = await open();
  const [bob, cleo] = await Promise.all([open(), open(), open(ana.user.username)]);
  const members = [bob.user.username, cleo.user.username];
  const channels = await Promise.all(
    Array.from({ length: CHANNELS }, () =>
      ana.client.rest.createChannel({ body: { name: newId(), kind: 'private', members } }),
    ),
  );
  for (const device of devices) await expectUpToDate(device);
  return channels.map(({ id }) => id);
}

test('[S1] [S2] [S3] [O3] [D1] [D2] what is acknowledged survives kill -9 in its place, once', async () => {
  onTestFailed(() => console.error(`The seed was ${SEED}: PARLEY_TEST_SEED makes the same moments again.`));
  const chance = chanceOf(SEED);
  const channels = await openDevices();
  const acks: Ack[] = [];
  /** What each device sent to each channel, in order. */
  const sent = new Map<Device, Map<string, string[]>>();
  const sending: Promise<unknown>[] = [];

  for (let round = 0; round < ROUNDS; round += 1) {
    for (const device of devices) {
      for (let count = 0; count < PER_ROUND; count += 1) {
        const channel = chance.pick(channels);
        const id = newId();
        const lanes = sent.get(device) ?? new Map<string, string[]>();
        sent.set(device, lanes.set(channel, [...(lanes.get(channel) ?? []), id]));
        const send = device.client.send(channel, `message ${id} of round ${round}`, { id });
        sending.push(send.then((ack) => acks.push(ack)));
      }
    }
    const enough = acks.length + chance.between(1, (PER_ROUND * devices.length) / 2);
    await vi.waitFor(() => expect(acks.length).toBeGreaterThanOrEqual(enough), { timeout: 20_000, interval: 1 });
    expect(await server.stop('SIGKILL')).toBeNull();
    expect(acks.length).toBeLessThan(sending.length);
    server = await startServerProcess({ folder, port });
  }

  await Promise.all(sending);
  for (const device of devices) await expectUpToDate(device);

  const [reader] = devices as [Device];
  const logs = new Map<string, Entry[]>();
  for (const channel of channels) logs.set(channel, await wholeLog(reader.client, channel));
  const messages = [...logs.values()]
    .flat()
    .flatMap(({ event }) => (event.type === 'message.posted' ? event.message : []));
  const places = new Map(messages.map(({ id, channelId, seq }) => [id, { id, channelId, seq }]));
  expect(messages).toHaveLength(ROUNDS * devices.length * PER_ROUND);
  expect(places.size).toBe(messages.length);
  for (const ack of acks) expect(places.get(ack.id)).toEqual(ack);

  for (const [channel, log] of logs) {
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, place) => place + 1));
    const inLog = log.flatMap(({ event }) => (event.type === 'message.posted' ? event.message.id : []));
    for (const device of devices) {
      expectHeardLog(device, log);
      const mine = sent.get(device)?.get(channel) ?? [];
      expect(inLog.filter((id) => mine.includes(id))).toEqual(mine);
      expect(device.client.getOutbox()).toEqual([]);
    }
  }

  expect(await server.stop('SIGTERM')).toBe(0);
  const database = new DatabaseSync(join(folder, 'data', 'parley.db'), { readOnly: true });
  expect(database.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  database.close();
});
