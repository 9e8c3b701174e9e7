import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryBus } from '../bus/memory-bus.ts';
import { Hub } from '../delivery/hub.ts';
import { relayCommits } from '../delivery/relay.ts';
import { Session } from '../delivery/session.ts';
import { openStore } from '../storage/open-store.ts';
import type { Store } from '../storage/store.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { type Person, RawSocket, register, requestJson, signIn } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

const CLOSED_WITHIN_MS = 1_000;

let clock: FakeClock;
let folder: string;
let store: Store;
let server: TestServer;
/** Runs between the moment a hello was found good and the moment its streams are followed. */
let beforeFollowing: (() => Promise<void>) | null = null;

beforeAll(async () => {
  clock = new FakeClock();
  folder = mkdtempSync(join(tmpdir(), 'parley-test-'));
  store = await openStore({
    storage: {
      dataDir: folder,
      sqlitePath: join(folder, 'parley.db'),
      synchronous: 'full',
      allowWeakDurability: false,
    },
  });
  const slowToFollow: Store = {
    ...store,
    async listSubscriptions(input) {
      const act = beforeFollowing;
      beforeFollowing = null;
      await act?.();
      return store.listSubscriptions(input);
    },
  };
  server = await startTestServer({ clock, store: slowToFollow, env: { PARLEY_FLOOD: 'off' } });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function newChannel(owner: Person): Promise<string> {
  return (await owner.ask('POST', '/channels', { name: newId(), kind: 'private' })).id;
}

describe('[A2] the end of a session', () => {
  /** Each socket must be closed with 4403 soon. */
  async function expectClosed(sockets: readonly RawSocket[]): Promise<void> {
    const started = performance.now();
    for (const socket of sockets) expect(await socket.closing()).toEqual({ code: 4403, reason: 'session_ended' });
    expect(performance.now() - started).toBeLessThan(CLOSED_WITHIN_MS);
  }

  async function expectDenied(person: Person, accessToken = person.accessToken): Promise<void> {
    for (const path of ['/me', '/bootstrap', '/channels']) {
      const { status, body } = await requestJson(server.url, 'GET', path, undefined, accessToken);
      expect([status, body.code]).toEqual([401, 'session_ended']);
    }
  }

  test('by logout: REST is 401 at once, all its sockets close with 4403, other sessions live on', async () => {
    const ana = await register(server.url);
    const [laptop, phone] = await Promise.all([signIn(server.url, ana.username), signIn(server.url, ana.username)]);
    const sockets = await Promise.all(Array.from({ length: 5 }, () => RawSocket.signedIn(server.url, laptop)));
    const phones = await RawSocket.signedIn(server.url, phone);
    await laptop.ask('POST', '/auth/logout');
    await expectDenied(laptop);
    await expectClosed(sockets);
    expect(await phones.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect((await phone.request('GET', '/me')).status).toBe(200);
    const renewal = await requestJson(server.url, 'POST', '/auth/refresh', { refreshToken: laptop.refreshToken });
    expect(renewal.status).toBe(401);
    phones.close();
  });

  test('by the use of a spent refresh token, long after it was spent', async () => {
    const ana = await register(server.url);
    const session = await signIn(server.url, ana.username);
    const other = await RawSocket.signedIn(server.url, ana);
    const socket = await RawSocket.signedIn(server.url, session);
    const refresh = (refreshToken: string) => requestJson(server.url, 'POST', '/auth/refresh', { refreshToken });
    const { body } = await refresh(session.refreshToken);
    expect((await refresh(session.refreshToken)).body.refreshToken).toBe(body.refreshToken);
    expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });

    clock.advance(11_000);
    const reuse = await refresh(session.refreshToken);
    expect([reuse.status, reuse.body.code]).toEqual([401, 'session_ended']);
    await expectDenied(session, body.accessToken);
    await expectClosed([socket]);
    expect((await refresh(body.refreshToken)).status).toBe(401);
    expect(await other.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    other.close();
  });

  test('while its hello is being answered: the socket is closed all the same', async () => {
    const ana = await register(server.url);
    for (const cursors of [{}, { [ana.id]: 0 }, { workspace: 0, [ana.id]: 1 }]) {
      const session = await signIn(server.url, ana.username);
      const socket = new RawSocket(server.url);
      await socket.opened();
      beforeFollowing = () => session.ask('POST', '/auth/logout');
      socket.send({ type: 'hello', ref: 1, token: session.accessToken, cursors });
      await expectClosed([socket]);
      expect(socket.entries(ana.id)).toEqual([]);
    }
  });

  test('while its reader takes nothing: it is closed without having been sent what came before', async () => {
    const ana = await register(server.url);
    await newChannel(ana);
    const signedIn = await signIn(server.url, ana.username);
    const [, payload = ''] = signedIn.accessToken.split('.');
    const { sid: sessionId } = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const bus = new MemoryBus().connect();
    const hub = new Hub(store, bus);
    relayCommits(store, hub, bus);

    const { promise: ended, resolve: sessionEnded } = Promise.withResolvers<void>();
    const stuck = {
      sink: { write() {}, pass() {}, flush() {} },
      drained: () => new Promise<boolean>(() => {}),
      sessionEnded,
      tooSlow() {},
      failed() {},
      gapFound() {},
    };
    const session = new Session({ userId: ana.id, sessionId, username: ana.username }, stuck, hub, store);
    await session.open({ cursors: { [ana.id]: 0 } });
    void session.start();
    await signedIn.ask('POST', '/auth/logout');
    await ended;
    session.end();
  });

  test('stops what the socket still says: none of it is carried out', async () => {
    const ana = await register(server.url);
    const channelId = await newChannel(ana);
    const session = await signIn(server.url, ana.username);
    const socket = await RawSocket.signedIn(server.url, session);
    const stop = setInterval(() => {
      if (!socket.closed) socket.send({ type: 'send', ref: 1, id: newId(), channelId, body: 'x' });
    }, 1);
    await socket.frame((frame) => frame.type === 'ok');
    await session.ask('POST', '/auth/logout');
    await expectClosed([socket]);
    clearInterval(stop);
    // What had been taken before the end is committed before this one, and nothing after it.
    const { seq } = await ana.ask('POST', `/channels/${channelId}/messages`, { body: 'the last word' });
    await ana.ask('GET', '/me');
    expect((await ana.ask('GET', `/channels/${channelId}`)).head).toBe(seq);
  });
});
