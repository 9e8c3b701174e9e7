import { newId } from '@parley/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { RawSocket, signIn } from '../../server/src/test/people.ts';
import { startTestServer, type TestServer } from '../../server/src/test/test-server.ts';
import { type Device, expectUpToDate, openDevice, wholeLog } from './test/device.ts';

let server: TestServer;
let ana: Device;
let bob: Device;
let channelId: string;

beforeAll(async () => {
  server = await startTestServer({ env: { PARLEY_FLOOD: 'off' } });
  [ana, bob] = await Promise.all([openDevice({ url: server.url }), openDevice({ url: server.url })]);
  const body = { name: newId(), kind: 'private' as const, members: [bob.user.username] };
  channelId = (await ana.client.rest.createChannel({ body })).id;
  await Promise.all([expectUpToDate(ana), expectUpToDate(bob)]);
});
afterAll(async () => {
  for (const device of [ana, bob]) device.close();
  await server.close();
});

type Door = (device: Device, id: string) => Promise<{ readonly seq: number }>;
const doors: Readonly<Record<'socket' | 'rest', Door>> = {
  socket: ({ client }, id) => client.send(channelId, `by socket ${id}`, { id }),
  rest: ({ client }, id) => client.rest.postMessage({ params: { id: channelId }, body: { id, body: `by REST ${id}` } }),
};

test.each(['socket', 'rest'] as const)('[R1] right after an ack (%s), every read shows it', async (door) => {
  const person = await signIn(server.url, ana.user.username);
  const socket = await RawSocket.signedIn(server.url, person);
  const { rest } = ana.client;
  const params = { id: channelId };
  for (let count = 0; count < 15; count += 1) {
    const id = newId();
    const { seq } = await doors[door](ana, id);
    const [page, log, view, mine, snapshot, pulled] = await Promise.all([
      rest.listMessages({ params, query: { limit: '1' } }),
      rest.readLog({ params, query: { after: String(seq - 1) } }),
      rest.getChannel({ params }),
      rest.listChannels(),
      rest.bootstrap(),
      socket.ask({ type: 'pull', stream: channelId, after: seq - 1 }),
    ]);
    expect(page).toMatchObject({ messages: [{ id, seq }], head: seq });
    expect(log).toMatchObject({ entries: [{ seq, event: { message: { id } } }], head: seq });
    expect(view).toMatchObject({ head: seq, readSeq: seq, unread: 0 });
    expect(mine.channels.find((channel) => channel.id === channelId)).toMatchObject({ head: seq, unread: 0 });
    expect(snapshot.cursors[channelId]).toBe(seq);
    expect(pulled).toMatchObject({ entries: [{ seq, event: { message: { id } } }], head: seq });
  }
  socket.close();
});

test('[R1] a change by REST is there at once for whoever asks next', async () => {
  const { rest } = ana.client;
  const { id, rev } = await rest.createChannel({ body: { name: newId(), kind: 'public' } });
  const params = { id };
  expect((await rest.listChannels()).channels.map((channel) => channel.id)).toContain(id);
  expect(
    (await bob.client.rest.listChannels({ query: { discover: 'true' } })).channels.map((channel) => channel.id),
  ).toContain(id);
  await rest.updateChannel({ params, body: { rev, topic: 'new' } });
  expect(await bob.client.rest.getChannel({ params })).toMatchObject({ topic: 'new', rev: rev + 1 });
  await rest.addMembers({ params, body: { usernames: [bob.user.username] } });
  expect((await bob.client.rest.listMembers({ params })).members).toHaveLength(2);
  expect(await bob.client.rest.readLog({ params })).toHaveProperty('head');
  await rest.removeMember({ params: { ...params, userId: bob.user.id } });
  await expect(bob.client.rest.readLog({ params })).rejects.toMatchObject({ code: 'not_a_member' });
  await expect(bob.client.send(id, 'still here?')).rejects.toMatchObject({ code: 'not_a_member' });
  for (const { id: failed } of bob.client.getOutbox()) bob.client.discard(failed);
});

test('[O2] what is sent after an ack was seen stands behind it, across people and doors', async () => {
  const seqs: number[] = [];
  const turns = [ana, bob].flatMap((device) => [doors.socket, doors.rest].map((door) => ({ device, door })));
  for (let count = 0; count < 40; count += 1) {
    const { device, door } = turns[(count * 7) % turns.length] as (typeof turns)[number];
    seqs.push((await door(device, newId())).seq);
  }
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  expect(new Set(seqs).size).toBe(seqs.length);
});

test('[O1] [O3] what many send at once has one order, the same by push, history and log, and keeps each line', async () => {
  const ids = { ana: Array.from({ length: 60 }, () => newId()), bob: Array.from({ length: 60 }, () => newId()) };
  await Promise.all([
    ...ids.ana.map((id) => doors.socket(ana, id)),
    ...ids.bob.map((id) => doors.socket(bob, id)),
    doors.rest(ana, newId()),
  ]);
  await Promise.all([expectUpToDate(ana), expectUpToDate(bob)]);
  const log = await wholeLog(ana.client, channelId);
  const pushed = bob.heardOf(channelId);
  expect(pushed).toEqual(log.slice(-pushed.length));
  const order = log.flatMap(({ event }) => (event.type === 'message.posted' ? event.message.id : []));
  for (const line of Object.values(ids)) expect(order.filter((id) => line.includes(id))).toEqual(line);

  while (!ana.client.getState()?.timelines.get(channelId)?.complete) await ana.client.loadOlder(channelId);
  expect(
    ana.client
      .getState()
      ?.timelines.get(channelId)
      ?.messages.map(({ id }) => id),
  ).toEqual(order);
});

test('[S2] the same id again is the same message, by either door and at any time; with other content it is refused', async () => {
  const id = newId();
  const first = await ana.client.send(channelId, 'once', { id });
  expect(await ana.client.send(channelId, 'once', { id })).toEqual(first);
  const params = { id: channelId };
  expect(await ana.client.rest.postMessage({ params, body: { id, body: ' once ' } })).toMatchObject({ seq: first.seq });
  await expect(ana.client.rest.postMessage({ params, body: { id, body: 'twice' } })).rejects.toMatchObject({
    code: 'id_conflict',
  });
  await expect(bob.client.send(channelId, 'once', { id })).rejects.toMatchObject({ code: 'id_conflict' });
  bob.client.discard(id);
  await vi.waitFor(() => expect(ana.client.getOutbox()).toEqual([]), { interval: 1 });
  const log = await wholeLog(ana.client, channelId);
  expect(log.filter(({ event }) => event.type === 'message.posted' && event.message.id === id)).toHaveLength(1);
});

test('a message that was refused goes once the reason is gone, under the same id', async () => {
  const { rest } = ana.client;
  const { id, rev } = await rest.createChannel({ body: { name: newId(), kind: 'private' } });
  const params = { id };
  await vi.waitFor(() => expect(ana.client.getState()?.channels.has(id)).toBe(true), { interval: 1 });
  const archived = await rest.updateChannel({ params, body: { rev, archived: true } });
  await expect(ana.client.send(id, 'too late?')).rejects.toMatchObject({ code: 'channel_archived' });
  const [failed] = ana.client.getOutbox();
  expect(failed?.status).toMatchObject({ kind: 'failed', code: 'channel_archived' });

  await rest.updateChannel({ params, body: { rev: archived.rev, archived: false } });
  ana.client.retry(failed?.id ?? '');
  await vi.waitFor(() => expect(ana.client.getOutbox()).toEqual([]), { interval: 1 });
  expect((await rest.listMessages({ params })).messages).toMatchObject([{ id: failed?.id, body: 'too late?' }]);
});
