import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { newId } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { RawSocket, signIn } from '../../server/src/test/people.ts';
import { startTestServer, type TestServer } from '../../server/src/test/test-server.ts';
import { type Device, expectHeardLog, expectUpToDate, openDevice, wholeLog } from './test/device.ts';
import { type FaultyProxy, startFaultyProxy } from './test/faulty-proxy.ts';
import type { FrameFilter } from './test/frame-filter.ts';
import { hastyTiming } from './test/hasty-timing.ts';

const SOON = { timeout: 10_000, interval: 5 };

let server: TestServer;
const devices: Device[] = [];
const proxies: FaultyProxy[] = [];

beforeAll(async () => {
  server = await startTestServer({ env: { PARLEY_FLOOD: 'off', PARLEY_HEARTBEAT_SECONDS: '1' } });
});
afterEach(async () => {
  for (const device of devices.splice(0)) device.close();
  for (const proxy of proxies.splice(0)) await proxy.close();
});
afterAll(() => server.close());

async function aDevice(options: Partial<Parameters<typeof openDevice>[0]> = {}): Promise<Device> {
  const device = await openDevice({ url: server.url, ...options });
  devices.push(device);
  return device;
}

async function aProxy(filter?: FrameFilter): Promise<FaultyProxy> {
  const proxy = await startFaultyProxy(server.url, filter && (() => filter));
  proxies.push(proxy);
  return proxy;
}

async function aChannel(owner: Device, ...members: Device[]): Promise<string> {
  const body = { name: newId(), kind: 'private' as const, members: members.map(({ user }) => user.username) };
  const { id } = await owner.client.rest.createChannel({ body });
  for (const device of [owner, ...members]) await expectUpToDate(device);
  return id;
}

/** Sends so many messages as fast as the server takes them. */
async function flood(owner: Device, channelId: string, count: number): Promise<void> {
  const socket = await RawSocket.signedIn(server.url, await signIn(server.url, owner.user.username));
  for (let ref = 1; ref <= count; ref += 1) {
    socket.send({ type: 'send', ref, id: newId(), channelId, body: `message ${ref}` });
  }
  const acks = () => socket.frames.filter(({ type }) => type === 'ok').length;
  await vi.waitFor(() => expect(acks()).toBe(count), { timeout: 15_000, interval: 20 });
  socket.close();
}

const texts = ({ client }: Device, id: string) =>
  client
    .getState()
    ?.timelines.get(id)
    ?.messages.map(({ body }) => body);

test('[D4] whoever missed thousands of entries and reads them all gets each, and what comes meanwhile after them', async () => {
  const [ana, ben] = await Promise.all([aDevice(), aDevice()]);
  const id = await aChannel(ana, ben);
  ben.client.disconnect();
  await flood(ana, id, 2_300);
  await Promise.all([ben.comeBack(), ana.client.send(id, 'meanwhile'), ana.client.send(id, 'and then')]);
  await expectUpToDate(ben);
  expectHeardLog(ben, await wholeLog(ana.client, id));
});

test('[R2] a client that missed very much and whose entries nobody reads goes on from a fresh snapshot', async () => {
  const [ana, ben] = await Promise.all([aDevice(), aDevice({ listens: false })]);
  const id = await aChannel(ana, ben);
  await ben.client.loadOlder(id);
  ben.client.disconnect();
  await flood(ana, id, 5_100);
  await ben.comeBack();
  await expectUpToDate(ben);
  expect(ben.client.getState()?.channels.get(id)?.unread).toBe(5_100);
  expect(ben.client.getState()?.timelines.has(id)).toBe(false);
  await ana.client.send(id, 'and on');
  await ben.client.loadOlder(id);
  await vi.waitFor(() => expect(texts(ben, id)?.at(-1)).toBe('and on'), SOON);
});

test('[D4] another lineage of the database makes a client forget everything and start anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-lineage-'));
  const first = await startTestServer({ folder });
  const proxy = await startFaultyProxy(first.url);
  proxies.push(proxy);
  const ana = await aDevice({ url: proxy.url, timing: hastyTiming(10) });
  const { id } = await ana.client.rest.createChannel({ body: { name: newId(), kind: 'private' } });
  await expectUpToDate(ana);
  await ana.client.loadOlder(id);
  const before = ana.client.getState()?.epoch;
  await first.close();

  const epoch = newId();
  const database = new DatabaseSync(join(folder, 'data', 'parley.db'));
  database.prepare("update facts set value = ? where name = 'epoch'").run(epoch);
  database.close();
  const second = await startTestServer({ folder });
  proxy.leadTo(second.url);
  const sent = ana.client.send(id, 'into the new one');
  await vi.waitFor(() => expect(ana.client.getState()?.epoch).toBe(epoch), SOON);
  expect(before).not.toBe(epoch);
  await sent;
  await expectUpToDate(ana);
  expect(ana.client.getState()?.timelines.size).toBe(0);
  ana.close();
  await second.close();
  rmSync(folder, { recursive: true });
});

/** Treats the entries of messages that say `word` in a way of its own, the first time that each passes. */
function once(word: string, times: number): { readonly filter: FrameFilter; readonly met: Set<string> } {
  const met = new Set<string>();
  const filter: FrameFilter = (text) => {
    const frame = JSON.parse(text) as { type: string; event?: { message?: { body: string } } };
    const body = frame.event?.message?.body;
    if (frame.type !== 'entry' || !body?.startsWith(word) || met.has(body)) return 1;
    met.add(body);
    return times;
  };
  return { filter, met };
}

test('[D2] [D3] entries lost on the way are fetched as soon as the next one shows the gap', async () => {
  const { filter, met } = once('lose', 0);
  const proxy = await aProxy(filter);
  const [ana, ben] = await Promise.all([aDevice(), aDevice({ url: proxy.url })]);
  const id = await aChannel(ana, ben);
  await ben.client.loadOlder(id);
  const bodies = ['one', 'lose two', 'lose three', 'four'];
  for (const body of bodies) await ana.client.send(id, body);
  await vi.waitFor(() => expect(texts(ben, id)).toEqual(bodies), SOON);
  expect(met.size).toBe(2);
  await expectUpToDate(ben);
  expectHeardLog(ben, await wholeLog(ana.client, id));
});

test('[D3] the last entry, lost on the way, is missed at the next beat', async () => {
  const { filter, met } = once('lose', 0);
  const proxy = await aProxy(filter);
  const [ana, ben] = await Promise.all([aDevice(), aDevice({ url: proxy.url })]);
  const id = await aChannel(ana, ben);
  await ben.client.loadOlder(id);
  await ana.client.send(id, 'lose this');
  await vi.waitFor(() => expect(texts(ben, id)).toEqual(['lose this']), SOON);
  expect(met.size).toBe(1);
  expectHeardLog(ben, await wholeLog(ana.client, id));
});

test('[D2] an entry that comes twice is applied once', async () => {
  const { filter, met } = once('', 2);
  const proxy = await aProxy(filter);
  const [ana, ben] = await Promise.all([aDevice(), aDevice({ url: proxy.url })]);
  const id = await aChannel(ana, ben);
  await ben.client.loadOlder(id);
  const bodies = ['one', 'two', 'three'];
  for (const body of bodies) await ana.client.send(id, body);
  await vi.waitFor(() => expect(texts(ben, id)).toEqual(bodies), SOON);
  expect(met.size).toBe(3);
  await expectUpToDate(ben);
  expectHeardLog(ben, await wholeLog(ana.client, id));
});

test('[S3] an ack lost on the way: the entry in the log stands for it', async () => {
  let lost = 0;
  const proxy = await aProxy((text) => {
    const isAck = text.startsWith('{"type":"ok"') && text.includes('"id"');
    if (isAck) lost += 1;
    return isAck ? 0 : 1;
  });
  const ana = await aDevice({ url: proxy.url, timing: hastyTiming(25) });
  const id = await aChannel(ana);
  const bodies = ['one', 'two'];
  const acks = await Promise.all(bodies.map((body) => ana.client.send(id, body)));
  expect(lost).toBeGreaterThanOrEqual(bodies.length);
  const { messages } = await ana.client.rest.listMessages({ params: { id } });
  expect(messages).toMatchObject(acks.map(({ seq }, place) => ({ seq, body: bodies[place] })));
});

test.each(['up', 'down'] as const)(
  'a network that goes silent (%s) is noticed and left, and nothing is lost',
  async (direction) => {
    const proxy = await aProxy();
    const [ana, ben] = await Promise.all([aDevice(), aDevice({ url: proxy.url, timing: hastyTiming(25) })]);
    const id = await aChannel(ana, ben);
    await ben.client.loadOlder(id);
    proxy.stall(direction);
    await ana.client.send(id, 'are you there?');
    const answer = ben.client.send(id, 'I am');
    await vi.waitFor(() => expect(ben.client.getConnection().status).not.toBe('online'), SOON);
    proxy.cut();
    proxy.heal();
    await answer;
    await expectUpToDate(ben);
    expectHeardLog(ben, await wholeLog(ana.client, id));
    expect(texts(ben, id)?.toSorted()).toEqual(['I am', 'are you there?']);
  },
);
