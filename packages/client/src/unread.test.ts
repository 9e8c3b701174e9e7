import { newId } from '@parley/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer } from '../../server/src/test/test-server.ts';
import { type Device, expectUpToDate, openDevice } from './test/device.ts';

let server: TestServer;
/** Two devices of one person, and one of another. */
let phone: Device;
let desk: Device;
let friend: Device;

beforeAll(async () => {
  server = await startTestServer({ env: { PARLEY_FLOOD: 'off' } });
  [phone, friend] = await Promise.all([openDevice({ url: server.url }), openDevice({ url: server.url })]);
  desk = await openDevice({ url: server.url, username: phone.user.username });
});
afterAll(async () => {
  for (const device of [phone, desk, friend]) device.close();
  await server.close();
});

async function aChannel(): Promise<string> {
  const body = { name: newId(), kind: 'private' as const, members: [friend.user.username] };
  const { id } = await phone.client.rest.createChannel({ body });
  for (const device of [phone, desk, friend]) {
    await vi.waitFor(() => expect(device.client.getState()?.channels.has(id)).toBe(true), { interval: 1 });
  }
  return id;
}

const unreadOn = ({ client }: Device, id: string) => client.getState()?.channels.get(id)?.unread;

test('[U1] what one device reads is read on the other', async () => {
  const id = await aChannel();
  const acks = [];
  for (const body of ['one', 'two', 'three', 'four']) acks.push(await friend.client.send(id, body));
  for (const device of [phone, desk]) await vi.waitFor(() => expect(unreadOn(device, id)).toBe(4), { interval: 1 });
  await phone.client.loadOlder(id);

  phone.client.markRead(id, acks[1]?.seq ?? 0);
  expect(unreadOn(phone, id)).toBe(2);
  await vi.waitFor(() => expect(unreadOn(desk, id)).toBe(2), { interval: 1 });

  desk.client.markRead(id, acks[0]?.seq ?? 0);
  desk.client.markRead(id, Number.MAX_SAFE_INTEGER);
  expect(unreadOn(desk, id)).toBe(0);
  await vi.waitFor(() => expect(unreadOn(phone, id)).toBe(0), { interval: 1 });
  for (const device of [phone, desk]) await expectUpToDate(device);
});

test('[U1] a cursor never moves back, whoever reads last', async () => {
  const id = await aChannel();
  for (const body of ['one', 'two', 'three']) await friend.client.send(id, body);
  await expectUpToDate(desk);
  const { head = 0 } = desk.client.getState()?.channels.get(id) ?? {};
  expect(await desk.client.rest.markRead({ params: { id }, body: { seq: head } })).toEqual({ seq: head, unread: 0 });
  expect(await phone.client.rest.markRead({ params: { id }, body: { seq: head - 2 } })).toEqual({
    seq: head,
    unread: 0,
  });
  for (const device of [phone, desk]) {
    await expectUpToDate(device);
    expect(unreadOn(device, id)).toBe(0);
  }
});

test('[U1] what is marked while offline is read everywhere once the device is back', async () => {
  const id = await aChannel();
  for (const body of ['one', 'two']) await friend.client.send(id, body);
  await vi.waitFor(() => expect(unreadOn(phone, id)).toBe(2), { interval: 1 });
  phone.client.disconnect();
  phone.client.markRead(id, Number.MAX_SAFE_INTEGER);
  expect(unreadOn(phone, id)).toBe(0);
  await friend.client.send(id, 'three');
  expect(unreadOn(desk, id)).toBe(3);
  await phone.client.connect();
  for (const device of [phone, desk]) await vi.waitFor(() => expect(unreadOn(device, id)).toBe(1), { interval: 1 });
});

/** One thing that happens to the unread count of the person with two devices. */
type Act =
  | { readonly kind: 'friend' | 'phone' | 'desk' }
  | { readonly kind: 'read'; readonly on: 'phone' | 'desk'; readonly back: number };

const anyAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('friend' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('phone' as const, 'desk' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      on: fc.constantFrom('phone' as const, 'desk' as const),
      back: fc.nat({ max: 4 }),
    }),
  },
);

test('[U1] unread is the messages after the furthest point that was read or written, on every device and by REST', async () => {
  async function hold(acts: readonly Act[]): Promise<void> {
    const id = await aChannel();
    const seqs: number[] = [];
    let read = 0;
    for (const act of acts) {
      if (act.kind === 'read') {
        const place = Math.max(0, seqs.length - act.back);
        const { client } = act.on === 'phone' ? phone : desk;
        await client.rest.markRead({ params: { id }, body: { seq: seqs[place - 1] ?? 0 } });
        read = Math.max(read, place);
      } else {
        const { client } = { friend, phone, desk }[act.kind];
        seqs.push((await client.send(id, 'hello')).seq);
        if (act.kind !== 'friend') read = seqs.length;
      }
      const unread = seqs.length - read;
      for (const device of [phone, desk]) {
        await vi.waitFor(() => expect(unreadOn(device, id)).toBe(unread), { interval: 1 });
        const { channels } = await device.client.rest.listChannels();
        expect(channels.find((channel) => channel.id === id)?.unread).toBe(unread);
      }
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(anyAct, { minLength: 3, maxLength: 15 }), hold), { numRuns: 20 });
});
