import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, newId } from '@parley/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSqliteStore } from '../storage/sqlite/sqlite-store.ts';
import type { Store } from '../storage/store.ts';
import { Cast, refusalOf } from '../storage/test/cast.ts';
import { MemoryTail } from '../tail/memory-tail.ts';
import type { RecentTail } from '../tail/recent-tail.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { listMessages } from './list-messages.ts';

let folder: string;
let store: Store;
let cast: Cast;
const remembering = new MemoryTail();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-recent-'));
  store = await openSqliteStore({ path: join(folder, 'parley.db'), synchronous: 'off' });
  store.onCommitted((entries) => remembering.append(entries));
  cast = new Cast(store);
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

/** Lists with this tail, and tells whether the database was asked for messages. */
async function listed(
  userId: string,
  channelId: string,
  page: { limit: number; before?: number; after?: number },
  tail: RecentTail = remembering,
) {
  let wasAsked = false;
  const counted: Store = {
    ...store,
    listMessages: (range) => {
      wasAsked = true;
      return store.listMessages(range);
    },
  };
  const services = { store: counted, tail, metrics: createMetrics() };
  const answer = await listMessages(services, { userId, username: 'x', sessionId: newId() }, channelId, page);
  return { answer, wasAsked };
}

test('[R1] the latest page of what is remembered is what the database says', async () => {
  const [ana, bob, eve] = await cast.people(3);
  const channel = await cast.channel(ana, { members: [bob] });
  const same = async (limit: number, fromDatabase: boolean) => {
    const { answer, wasAsked } = await listed(bob.id, channel.id, { limit });
    expect(answer).toEqual(await store.listMessages({ userId: bob.id, channelId: channel.id, limit }));
    expect(wasAsked, `${limit} of ${answer.head}`).toBe(fromDatabase);
  };
  await same(50, false);
  for (let index = 0; index < 5; index += 1) await cast.post(ana, channel, `${index}`);
  for (const limit of [1, 4, 5, 6, 50, 100]) await same(limit, false);
  await cast.add(ana, channel, eve);
  await cast.appoint(ana, channel, eve, 'moderator');
  await cast.remove(ana, channel, eve);
  for (const limit of [1, 4, 5, 6, 50, 100]) await same(limit, false);
  for (let index = 0; index < 110; index += 1) await cast.post(index % 2 ? ana : bob, channel);
  for (const limit of [1, 50, 90, 100]) await same(limit, false);
  // More than ten that are no messages in between: it does not reach far enough.
  for (let index = 0; index < 6; index += 1) {
    await cast.add(ana, channel, eve);
    await cast.remove(ana, channel, eve);
  }
  await same(5, true);
});

test('pages at other places come from the database', async () => {
  const ana = await cast.person();
  const channel = await cast.channel(ana);
  for (let index = 0; index < 3; index += 1) await cast.post(ana, channel);
  for (const page of [{ before: 4 }, { after: 0 }, { after: 3 }]) {
    const { answer, wasAsked } = await listed(ana.id, channel.id, { ...page, limit: 50 });
    expect(answer).toEqual(await store.listMessages({ userId: ana.id, channelId: channel.id, ...page, limit: 50 }));
    expect(wasAsked).toBe(true);
  }
});

test('[A1] who may not read is refused, whatever is remembered', async () => {
  const [ana, bob] = await cast.people(2);
  const secret = await cast.channel(ana, { members: [bob] });
  const square = await cast.channel(ana, { kind: 'public' });
  await cast.post(ana, secret);
  expect((await listed(bob.id, secret.id, { limit: 5 })).wasAsked).toBe(false);
  await cast.remove(ana, secret, bob);
  expect(await refusalOf(listed(bob.id, secret.id, { limit: 5 }))).toBe('channel_not_found');
  expect(await refusalOf(listed(bob.id, square.id, { limit: 5 }))).toBe('not_a_member');
  expect(await refusalOf(listed(bob.id, newId(), { limit: 5 }))).toBe('channel_not_found');
});

test('[R1] what is remembered too late, or in part, is not used', async () => {
  const ana = await cast.person();
  const channel = await cast.channel(ana);
  for (let index = 0; index < 5; index += 1) await cast.post(ana, channel);
  const { entries } = await store.readEntries({ stream: channel.id, after: 0, limit: 100 });
  const expected = await store.listMessages({ userId: ana.id, channelId: channel.id, limit: 50 });
  for (const missing of entries) {
    const tail = new MemoryTail();
    tail.append(entries.filter((entry) => entry !== missing));
    expect(await listed(ana.id, channel.id, { limit: 50 }, tail)).toEqual({ answer: expected, wasAsked: true });
  }
  // Entries that this version does not know may have changed the messages before them.
  const strange = { ...(entries.at(-1) as Entry), event: { type: 'message.of_the_future' } } as unknown as Entry;
  const tail = new MemoryTail();
  tail.append([...entries.slice(0, -1), strange]);
  expect(await listed(ana.id, channel.id, { limit: 50 }, tail)).toEqual({ answer: expected, wasAsked: true });
});
