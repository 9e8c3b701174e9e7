import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpoints, type Message, newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server/src/test/test-server.ts';
import { createClient } from './client.ts';
import { snapshotFromState } from './reduce.ts';
import { memoryStorage } from './session.ts';
import { weather } from './test/weather.ts';
import type { Client, ClientOptions, SessionStorage } from './types.ts';

const PASSWORD = 'a long enough passphrase';
const SOON = { timeout: 10_000, interval: 10 };
const QUICKLY = { leastMs: 10, mostMs: 100 };

let server: TestServer;
const clients: Client[] = [];

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await server.close();
});

/** A client signed in as somebody new, or as `username`. */
async function aClient(options: Partial<ClientOptions> & { username?: string } = {}) {
  const { username = `p${newId().slice(-12)}`, ...others } = options;
  const client = createClient({ url: server.url, backoff: QUICKLY, ...others });
  clients.push(client);
  const credentials = { username, password: PASSWORD };
  const user = await (options.username ? client.signIn(credentials) : client.register(credentials));
  return Object.assign(client, { user, username });
}

async function aConnectedClient(options: Parameters<typeof aClient>[0] = {}) {
  const client = await aClient(options);
  await client.connect();
  return client;
}

async function aChannel(owner: Client, members: readonly string[] = []): Promise<string> {
  const channel = await owner.rest.createChannel({
    body: { name: `room ${newId().slice(-12)}`, kind: 'private', members: [...members] },
  });
  await expect.poll(() => owner.getState()?.channels.has(channel.id), SOON).toBe(true);
  return channel.id;
}

/** Polls while `client` does not wait as long as the server asked it to. */
const pollHastily = <Value>(client: Client, read: () => Value) =>
  expect.poll(() => {
    client.reconnectNow();
    return read();
  }, SOON);

const bodiesIn = (client: Client, channelId: string) =>
  client
    .getState()
    ?.timelines.get(channelId)
    ?.messages.map(({ body }) => body);

/** The state is what a fresh snapshot would be, once everything has arrived. */
async function expectFresh(client: Client): Promise<void> {
  const fresh = async () => {
    const { channels, users, directory, ...rest } = await client.rest.bootstrap();
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    const sorted = { users: users.toSorted(byId), directory: directory.toSorted(byId) };
    const cursors = Object.fromEntries(Object.entries(rest.cursors).sort(([a], [b]) => (a < b ? -1 : 1)));
    return { ...rest, ...sorted, cursors, channels: channels.toSorted(byId) };
  };
  await expect
    .poll(async () => {
      const state = client.getState();
      return { held: state && snapshotFromState(state), fresh: await fresh() };
    }, SOON)
    .toSatisfy(({ held, fresh: wanted }) => {
      try {
        expect(held).toEqual(wanted);
        return true;
      } catch {
        return false;
      }
    });
}

describe('two people and the SDK', () => {
  test('one makes a channel and adds the other; what they write arrives, and unread counts follow', async () => {
    const ana = await aConnectedClient();
    const ben = await aConnectedClient();
    const heard = ben.messages()[Symbol.asyncIterator]();
    const channelId = await aChannel(ana, [ben.username]);
    await ana.send(channelId, 'hello');
    await ana.send(channelId, 'are you there?');

    expect((await heard.next()).value).toMatchObject({ body: 'hello', authorId: ana.user.id });
    expect((await heard.next()).value).toMatchObject({ body: 'are you there?' });
    expect(ben.getState()?.channels.get(channelId)).toMatchObject({ unread: 2, messageCount: 2 });
    expect(ana.getState()?.channels.get(channelId)).toMatchObject({ unread: 0 });
    expect(ana.getOutbox()).toEqual([]);
    await expectFresh(ana);
    await expectFresh(ben);
  });

  test('[R2] joining, leaving, removal, roles and renames lead to what a fresh snapshot says', async () => {
    const ana = await aConnectedClient();
    const ben = await aConnectedClient();
    const channel = await ana.rest.createChannel({ body: { name: `open ${newId()}`, kind: 'public' } });
    const params = { id: channel.id };
    await ben.rest.joinChannel({ params });
    await ben.send(channel.id, 'hi');
    await ana.rest.changeMemberRole({ params: { ...params, userId: ben.user.id }, body: { role: 'moderator' } });
    const { rev } = await ben.rest.updateChannel({ params, body: { topic: 'news', rev: channel.rev } });
    await ben.rest.leaveChannel({ params });
    await ana.send(channel.id, 'gone?');
    await ana.rest.updateChannel({ params, body: { name: `renamed ${newId()}`, rev } });
    await expect.poll(() => ben.getState()?.channels.has(channel.id), SOON).toBe(false);
    await expectFresh(ben);
    await ana.rest.addMembers({ params, body: { usernames: [ben.username] } });
    await ana.rest.removeMember({ params: { ...params, userId: ben.user.id } });
    await ben.rest.joinChannel({ params });
    await ana.send(channel.id, 'welcome back');
    await expect.poll(() => ben.getState()?.channels.get(channel.id)?.unread, SOON).toBe(1);
    await expectFresh(ana);
    await expectFresh(ben);
  });

  test('[U1] what is read on one device is read on the other, and here at once', async () => {
    const ana = await aConnectedClient();
    const phone = await aConnectedClient();
    const laptop = await aConnectedClient({ username: phone.username });
    const channelId = await aChannel(ana, [phone.username]);
    for (const body of ['1', '2', '3']) await ana.send(channelId, body);
    const unread = (client: Client) => client.getState()?.channels.get(channelId)?.unread;
    await expect.poll(() => [unread(phone), unread(laptop)], SOON).toEqual([3, 3]);

    await phone.loadOlder(channelId);
    const messages = phone.getState()?.timelines.get(channelId)?.messages as readonly Message[];
    phone.markRead(channelId, messages[0]?.seq as number);
    phone.markRead(channelId, messages[1]?.seq as number);
    expect(unread(phone)).toBe(1);
    await expect.poll(() => unread(laptop), SOON).toBe(1);
    await expectFresh(phone);
  });
});

describe('history', () => {
  test('pages join the live messages without a hole or a repetition, however they race', async () => {
    const ana = await aConnectedClient();
    const ben = await aConnectedClient();
    const channelId = await aChannel(ana, [ben.username]);
    const bodies = Array.from({ length: 130 }, (_, place) => String(place));
    const sends = bodies.map((body) => ana.send(channelId, body));
    await expect.poll(() => ben.getState()?.channels.get(channelId)?.messageCount, SOON).toBeGreaterThan(20);
    const early = Promise.all([ben.loadOlder(channelId), ben.loadOlder(channelId)]);
    await Promise.all([early, ...sends]);
    while (!ben.getState()?.timelines.get(channelId)?.complete) await ben.loadOlder(channelId);
    await expect.poll(() => bodiesIn(ben, channelId), SOON).toEqual(bodies);
  });

  test('a channel that is not mine has none', async () => {
    const ana = await aConnectedClient();
    await expect(ana.loadOlder(newId())).rejects.toMatchObject({ code: 'channel_not_found' });
  });
});

describe('in bad weather', () => {
  test('[S3] [O3] [D2] connections cut again and again: everything sent stands once, in order, and arrives so', async () => {
    const sky = weather();
    const ana = await aConnectedClient({ WebSocket: sky.WebSocket });
    const ben = await aConnectedClient({ WebSocket: sky.WebSocket });
    const channelId = await aChannel(ana, [ben.username]);
    await expect.poll(() => ben.getState()?.channels.has(channelId), SOON).toBe(true);
    const heard: string[] = [];
    const listening = (async () => {
      for await (const { body } of ben.messages()) heard.push(body);
    })();

    const bodies = Array.from({ length: 60 }, (_, place) => String(place));
    const sends = bodies.map((body) => ana.send(channelId, body));
    for (let cuts = 1; cuts <= 6; cuts += 1) {
      await expect.poll(() => ana.getState()?.channels.get(channelId)?.messageCount, SOON).toBeGreaterThan(cuts * 5);
      sky.cut();
    }
    await Promise.all(sends);
    await expect.poll(() => heard, SOON).toEqual(bodies);
    ben.disconnect();
    await listening;
    expect(ben.getConnection()).toEqual({ status: 'offline' });
  });

  test('[S3] an ack that never arrives: the message is there once, and the promise is kept', async () => {
    const sky = weather();
    const ana = await aConnectedClient({ WebSocket: sky.WebSocket });
    const channelId = await aChannel(ana);
    sky.setDeaf(true);
    const sent = ana.send(channelId, 'did you get this?');
    const onServer = async () => (await ana.rest.listMessages({ params: { id: channelId } })).messages.length;
    await expect.poll(onServer, SOON).toBe(1);
    expect(ana.getOutbox()).toHaveLength(1);
    sky.setDeaf(false);
    sky.cut();
    await sent;
    expect(await onServer()).toBe(1);
    expect(ana.getOutbox()).toEqual([]);
  });

  test('the server restarts: clients come back by themselves, with what they missed and what they had to say', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-client-'));
    const first = await startTestServer({ folder });
    const ana = await aConnectedClient({ url: first.url });
    const ben = await aConnectedClient({ url: first.url });
    const channelId = await aChannel(ana, [ben.username]);
    await expect.poll(() => ben.getState()?.channels.has(channelId), SOON).toBe(true);
    await ben.loadOlder(channelId);
    await ana.send(channelId, 'before');
    await first.close();
    const later = ana.send(channelId, 'while it was down');
    await expect.poll(() => ana.getConnection().status, SOON).toBe('waiting');
    const second = await startTestServer({ folder, env: { PORT: new URL(first.url).port } });
    await pollHastily(ana, () => ana.getOutbox()).toEqual([]);
    await later;
    await pollHastily(ben, () => bodiesIn(ben, channelId)).toEqual(['before', 'while it was down']);
    ana.disconnect();
    ben.disconnect();
    await second.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('[D4] the database is older than what was seen, after a restore: all is forgotten and loaded anew', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-client-'));
    const backup = `${folder}-backup`;
    const first = await startTestServer({ folder });
    const env = { PORT: new URL(first.url).port };
    const ana = await aConnectedClient({ url: first.url });
    const channelId = await aChannel(ana);
    await ana.send(channelId, 'kept');
    await first.close();
    cpSync(folder, backup, { recursive: true });
    const second = await startTestServer({ folder, env });
    await pollHastily(ana, () => ana.getConnection().status).toBe('online');
    await ana.loadOlder(channelId);
    await ana.send(channelId, 'lost in the fire');
    await second.close();
    const third = await startTestServer({ folder: backup, env });
    await pollHastily(ana, () => ana.getState()?.channels.get(channelId)?.messageCount).toBe(1);
    await expectFresh(ana);
    await ana.send(channelId, 'onwards');
    await ana.loadOlder(channelId);
    expect(bodiesIn(ana, channelId)).toEqual(['kept', 'onwards']);
    ana.disconnect();
    await third.close();
    for (const used of [folder, backup]) rmSync(used, { recursive: true, force: true });
  });

  test('[D4] somebody who was away is caught up, also with the channels they were added to', async () => {
    const ana = await aConnectedClient();
    const ben = await aConnectedClient();
    const channelId = await aChannel(ana, [ben.username]);
    await expect.poll(() => ben.getState()?.channels.has(channelId), SOON).toBe(true);
    ben.disconnect();
    const bodies = Array.from({ length: 40 }, (_, place) => String(place));
    await Promise.all(bodies.map((body) => ana.send(channelId, body)));
    const joined = await aChannel(ana, [ben.username]);
    await ana.send(joined, 'you were added while away');
    await ben.connect();
    await expect.poll(() => ben.getState()?.channels.get(channelId)?.unread, SOON).toBe(40);
    await expect.poll(() => ben.getState()?.channels.get(joined)?.unread, SOON).toBe(1);
    await expectFresh(ben);
  });
});

describe('sending', () => {
  test('before the connection is up waits for it', async () => {
    const ana = await aConnectedClient();
    const channelId = await aChannel(ana);
    ana.disconnect();
    const sent = ana.send(channelId, 'early');
    expect(ana.getOutbox()).toMatchObject([{ body: 'early', status: { kind: 'sending' } }]);
    await ana.connect();
    await sent;
    expect(ana.getOutbox()).toEqual([]);
  });

  test('[T1] faster than the limit waits as told, in order', async () => {
    const own = await startTestServer({ env: { PARLEY_THROTTLE_MESSAGES: '2/1s' } });
    const ana = await aConnectedClient({ url: own.url });
    const channelId = await aChannel(ana);
    await ana.loadOlder(channelId);
    let throttled = false;
    ana.subscribe(() => {
      throttled ||= ana.getOutbox().some(({ status }) => status.kind === 'throttled');
    });
    await Promise.all(['1', '2', '3', '4', '5'].map((body) => ana.send(channelId, body)));
    expect(throttled).toBe(true);
    expect(bodiesIn(ana, channelId)).toEqual(['1', '2', '3', '4', '5']);
    ana.disconnect();
    await own.close();
  });

  test('to where one may not send is refused, and stays for a retry or a discard', async () => {
    const ana = await aConnectedClient();
    await expect(ana.send(newId(), 'anybody?')).rejects.toMatchObject({ code: 'channel_not_found' });
    const [failed] = ana.getOutbox();
    expect(failed?.status).toMatchObject({ kind: 'failed', code: 'channel_not_found' });
    ana.discard(failed?.id as string);
    expect(ana.getOutbox()).toEqual([]);
  });
});

describe('the session', () => {
  test('goes on from the kept token in the next run, and not after signing out', async () => {
    const sessionStorage = memoryStorage();
    const ana = await aClient({ sessionStorage });
    const next = createClient({ url: server.url, sessionStorage });
    expect(await next.restore()).toEqual(ana.user);
    await next.signOut();
    expect(await createClient({ url: server.url, sessionStorage }).restore()).toBeNull();
    await expect(next.rest.me()).rejects.toMatchObject({ code: 'not_authenticated' });
  });

  test('[A2] that ends elsewhere signs this client out, and its readers are told', async () => {
    const sessionStorage = memoryStorage();
    const ana = await aConnectedClient({ sessionStorage });
    const token = await sessionStorage.load();
    const reading = ana.messages()[Symbol.asyncIterator]().next();
    const other = createClient({ url: server.url, sessionStorage: keptToken(token) });
    await other.restore();
    await other.signOut();
    await expect(reading).rejects.toMatchObject({ code: 'session_ended' });
    expect(ana.getConnection()).toEqual({ status: 'signed-out', reason: 'session_ended' });
    expect(await sessionStorage.load()).toBeNull();
  });

  test('renews a refused token once for many requests, and asks again', async () => {
    let refusals = 3;
    const refreshed: string[] = [];
    const ana = await aClient({
      fetch: (input, init) => {
        const path = new URL(String(input)).pathname;
        if (path.endsWith(endpoints.refresh.path)) refreshed.push(path);
        const refuse = path.endsWith(endpoints.me.path) && refusals > 0;
        if (refuse) refusals -= 1;
        return fetch(input, refuse ? { ...init, headers: { authorization: 'Bearer not.a.token' } } : init);
      },
    });
    const answers = await Promise.all([ana.rest.me(), ana.rest.me(), ana.rest.me()]);
    expect(answers).toEqual([ana.user, ana.user, ana.user]);
    expect(refreshed).toHaveLength(1);
  });

  test('is renewed ahead of its end, and a living socket is told', async () => {
    const sky = weather();
    const ana = await aConnectedClient({
      WebSocket: sky.WebSocket,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!new URL(String(input)).pathname.includes('/auth/')) return response;
        return Response.json({ ...((await response.json()) as object), expiresIn: 1 }, response);
      },
    });
    await expect.poll(() => sky.sent(), SOON).toEqual(['hello', 'auth', 'auth']);
    expect(ana.getConnection()).toEqual({ status: 'online' });
    ana.disconnect();
  });

  test('that is signed out leaves nothing behind', async () => {
    const ana = await aConnectedClient();
    await aChannel(ana);
    await ana.signOut();
    expect([ana.getState(), ana.getConnection(), ana.getOutbox()]).toEqual([null, { status: 'offline' }, []]);
    const ben = await ana.register({ username: `p${newId().slice(-12)}`, password: PASSWORD });
    await ana.connect();
    expect(ana.getState()?.user).toEqual(ben);
    expect(ana.getState()?.channels.size).toBe(0);
  });

  test('refuses what the server refuses, in the catalogue’s words', async () => {
    const ana = await aClient();
    await expect(aClient({ username: ana.username, url: server.url })).resolves.toBeDefined();
    const stranger = createClient({ url: server.url });
    await expect(stranger.signIn({ username: ana.username, password: 'wrong' })).rejects.toMatchObject({
      code: 'invalid_credentials',
    });
    await expect(stranger.register({ username: 'a b', password: PASSWORD })).rejects.toMatchObject({
      code: 'validation_failed',
      details: { errors: [{ path: 'username' }] },
    });
    await expect(stranger.connect()).rejects.toMatchObject({ code: 'not_authenticated' });
    const nobody = createClient({ url: 'http://127.0.0.1:9' });
    await expect(nobody.signIn({ username: 'a', password: 'b' })).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('the state', () => {
  test('is the same object until something changes, and many changes in one tick make one call', async () => {
    const ana = await aConnectedClient();
    const channelId = await aChannel(ana);
    const before = ana.getState();
    expect(ana.getState()).toBe(before);
    let calls = 0;
    const stop = ana.subscribe(() => {
      calls += 1;
    });
    ana.disconnect();
    for (const body of ['a', 'b', 'c']) void ana.send(channelId, body);
    await Promise.resolve();
    expect(calls).toBe(1);
    stop();
    await ana.connect();
    await expect.poll(() => ana.getOutbox(), SOON).toEqual([]);
    expect(calls).toBe(1);
    expect(ana.getState()?.users).toBe(before?.users);
  });
});

test('requests ask in their types for what they need', () => {
  const rest = null as unknown as Client['rest'];
  const calls = [
    () => rest.me(),
    () => rest.listChannels(),
    () => rest.listChannels({ query: { discover: 'true' } }),
    // @ts-expect-error the channel is missing
    () => rest.getChannel(),
    // @ts-expect-error the body is missing
    () => rest.createChannel({}),
    // @ts-expect-error there is nothing to give
    () => rest.me({ body: {} }),
    // @ts-expect-error the rev is missing
    () => rest.updateChannel({ params: { id: '' }, body: {} }),
  ];
  expect(calls).toHaveLength(7);
});

function keptToken(token: string | null): SessionStorage {
  return { load: async () => token, save: async () => {} };
}
