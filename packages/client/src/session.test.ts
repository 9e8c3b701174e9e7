import { type EndpointName, endpoints, newId } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { RawSocket, signIn } from '../../server/src/test/people.ts';
import { startTestServer, type TestServer } from '../../server/src/test/test-server.ts';
import { createClient } from './client.ts';
import { memoryStorage } from './session.ts';
import { type Device, expectUpToDate, newUsername, openDevice } from './test/device.ts';
import { startFaultyProxy } from './test/faulty-proxy.ts';
import { MovingClock } from './test/moving-clock.ts';
import { systemTiming } from './timing.ts';
import type { Client, ClientOptions } from './types.ts';

const TOKEN_LIFE_MS = 10_000;
/** The server takes a token for a moment longer, for the sake of other clocks. */
const RUN_OUT_MS = TOKEN_LIFE_MS + 6_000;
const PASSWORD = 'a long enough passphrase';
const SOON = { timeout: 10_000, interval: 5 };

const clock = new MovingClock();
let server: TestServer;
const devices: Device[] = [];

beforeAll(async () => {
  const env = { PARLEY_ACCESS_TOKEN_TTL: `${TOKEN_LIFE_MS / 1_000}s`, PARLEY_HEARTBEAT_SECONDS: '1' };
  server = await startTestServer({ clock, env });
});
afterEach(() => {
  for (const device of devices.splice(0)) device.close();
});
afterAll(() => server.close());

async function aDevice(options: Partial<Parameters<typeof openDevice>[0]> = {}): Promise<Device> {
  const device = await openDevice({ url: server.url, ...options });
  devices.push(device);
  return device;
}

/** A `fetch` that counts the requests to each endpoint, and loses the answers to those that it is told to. */
function watchedFetch() {
  const paths: string[] = [];
  const losing = new Set<EndpointName>();
  const watched: typeof fetch = async (input, init) => {
    const { pathname } = new URL(String(input));
    paths.push(pathname);
    const answer = await fetch(input, init);
    const lost = [...losing].find((name) => pathname.endsWith(endpoints[name].path));
    if (lost === undefined) return answer;
    losing.delete(lost);
    throw new TypeError('The answer was lost.');
  };
  return {
    fetch: watched,
    count: (name: EndpointName) => paths.filter((path) => path.endsWith(endpoints[name].path)).length,
    loseAnswerOf: (name: EndpointName) => losing.add(name),
  };
}

test('an access token that has run out is renewed once, however many requests need it', async () => {
  const watched = watchedFetch();
  const { client, user } = await aDevice({ fetch: watched.fetch });
  clock.advance(RUN_OUT_MS);
  const answers = await Promise.all(Array.from({ length: 5 }, () => client.rest.me()));
  expect(answers).toEqual(answers.map(() => user));
  expect(watched.count('refresh')).toBe(1);
});

test('a living socket is handed the renewed token, and outlives the first one', async () => {
  const answers: string[] = [];
  const proxy = await startFaultyProxy(server.url, () => (text) => {
    answers.push(text);
    return 1;
  });
  const watch = renewalWatch();
  const { client, user } = await aDevice({ url: proxy.url, timing: watch.timing });
  const stranger = await RawSocket.signedIn(server.url, await signIn(server.url, user.username));
  let losses = 0;
  client.subscribe(() => {
    if (client.getConnection().status !== 'online') losses += 1;
  });

  clock.advance(TOKEN_LIFE_MS - 2_000);
  watch.renewNow();
  await vi.waitFor(() => expect(answers.some((text) => /^\{"type":"ok","ref":\d+\}$/.test(text))).toBe(true), SOON);
  // A socket outlives its token by a minute: past that of the first token, before that of the renewed one.
  clock.advance(63_000);
  expect((await stranger.closing()).code).toBe(4401);
  const beats = () => answers.filter((text) => text.startsWith('{"type":"beat"')).length;
  const before = beats();
  await vi.waitFor(() => expect(beats()).toBeGreaterThan(before), SOON);
  expect(losses).toBe(0);
  await proxy.close();
});

/** Time as usual, but for the renewal of the token, which happens when it is told to. */
function renewalWatch() {
  const watch = {
    renewNow: () => {},
    timing: {
      ...systemTiming,
      after(ms: number, run: () => void, background?: boolean) {
        // Nothing but the renewal runs in the background.
        if (!background) return systemTiming.after(ms, run);
        watch.renewNow = run;
        return () => {};
      },
    },
  };
  return watch;
}

test('a socket whose token ran out unnoticed comes back with a new one, and misses nothing', async () => {
  const ana = await aDevice();
  const ben = await aDevice();
  const body = { name: newId(), kind: 'private' as const, members: [ben.user.username] };
  const { id } = await ana.client.rest.createChannel({ body });
  await expectUpToDate(ben);
  let losses = 0;
  ben.client.subscribe(() => {
    if (ben.client.getConnection().status === 'connecting') losses += 1;
  });
  clock.advance(TOKEN_LIFE_MS + 61_000);
  await vi.waitFor(() => expect(losses).toBeGreaterThan(0), SOON);
  await ana.client.send(id, 'did you miss me?');
  await expectUpToDate(ben);
  expect(ben.client.getState()?.channels.get(id)?.unread).toBe(1);
});

test('an answer to a renewal that is lost does no harm: the spent token is taken once more', async () => {
  const watched = watchedFetch();
  const { client, user } = await aDevice({ fetch: watched.fetch });
  clock.advance(RUN_OUT_MS);
  watched.loseAnswerOf('refresh');
  await expect(client.rest.me()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await client.rest.me()).toEqual(user);
});

test('[A2] a spent token used much later ends the session; signing in again goes on where it was', async () => {
  const watched = watchedFetch();
  const ana = await aDevice({ fetch: watched.fetch });
  const { id } = await ana.client.rest.createChannel({ body: { name: newId(), kind: 'private' } });
  await expectUpToDate(ana);
  clock.advance(RUN_OUT_MS);
  watched.loseAnswerOf('refresh');
  await expect(ana.client.rest.me()).rejects.toMatchObject({ code: 'unavailable' });
  clock.advance(60_000);
  await expect(ana.client.rest.me()).rejects.toMatchObject({ remedy: 'sign-in' });
  await vi.waitFor(() => expect(ana.client.getConnection().status).toBe('signed-out'), SOON);
  const sent = ana.client.send(id, 'written while signed out');
  expect(ana.client.getOutbox()).toHaveLength(1);
  await ana.signInAgain();
  await sent;
  await expectUpToDate(ana);
});

test('two tabs of one session may renew at the same moment', async () => {
  const sessionStorage = memoryStorage();
  const tab = await aDevice({ sessionStorage });
  const other = createClient({ url: server.url, sessionStorage });
  expect(await other.restore()).toEqual(tab.user);
  clock.advance(RUN_OUT_MS);
  expect(await Promise.all([tab.client.rest.me(), other.rest.me()])).toEqual([tab.user, tab.user]);
  clock.advance(RUN_OUT_MS);
  expect(await Promise.all([other.rest.me(), tab.client.rest.me()])).toEqual([tab.user, tab.user]);
});

test('a cookie session never shows scripts its refresh token, and goes on in the next page', async () => {
  const browser = browserFetch();
  const page = (): Client => createClient({ url: server.url, session: 'cookie', fetch: browser.fetch });
  const first = page();
  const user = await first.register({ username: newUsername(), password: PASSWORD });
  await first.connect();
  first.disconnect();
  expect(browser.seen).not.toContain('refreshToken');

  const second = page();
  expect(await second.restore()).toEqual(user);
  clock.advance(RUN_OUT_MS);
  expect(await second.rest.me()).toEqual(user);
  await second.signOut();
  expect(await page().restore()).toBeNull();
});

test('whoever signs in in another tab of the browser is not spoken for: that tab alone is theirs', async () => {
  const browser = browserFetch();
  const tab = (): Client => createClient({ url: server.url, session: 'cookie', fetch: browser.fetch });
  const [hers, his] = [tab(), tab()];
  await hers.register({ username: newUsername(), password: PASSWORD });
  await hers.connect();
  const him = await his.register({ username: newUsername(), password: PASSWORD });

  clock.advance(RUN_OUT_MS);
  await expect(hers.rest.me()).rejects.toMatchObject({ code: 'session_ended' });
  expect(hers.getConnection()).toEqual({ status: 'signed-out', reason: 'session_ended' });
  expect(await his.rest.me()).toEqual(him);

  // Going on in her tab is going on as him, with nothing of hers.
  const before = hers.getState();
  expect(await hers.restore()).toEqual(him);
  expect([before?.user.id === him.id, hers.getState()]).toEqual([false, null]);
  await hers.connect();
  expect(hers.getState()?.user).toEqual(him);
  hers.disconnect();
});

test('[A2] signing out ends the session on the server too, also with a token that has run out', async () => {
  const kept: (string | null)[] = [];
  const sessionStorage = {
    load: async () => kept.at(-1) ?? null,
    save: async (token: string | null) => void kept.push(token),
  };
  const { client } = await aDevice({ sessionStorage });
  clock.advance(RUN_OUT_MS);
  await client.signOut();
  expect([await sessionStorage.load(), client.getState()]).toEqual([null, null]);
  const thief = createClient({
    url: server.url,
    sessionStorage: { ...sessionStorage, load: async () => kept.at(-2) ?? null },
  });
  expect([kept.at(-2), await thief.restore()]).toEqual([expect.any(String), null]);
});

test('signing out while the server cannot be told changes nothing', async () => {
  let gone = false;
  const ana = await aDevice({
    fetch: (input, init) => (gone ? Promise.reject(new TypeError('unreachable')) : fetch(input, init)),
  });
  gone = true;
  await expect(ana.client.signOut()).rejects.toMatchObject({ code: 'unavailable' });
  gone = false;
  await ana.client.connect();
  await expectUpToDate(ana);
  await ana.client.signOut();
  await expect(ana.client.connect()).rejects.toMatchObject({ code: 'not_authenticated' });
});

/** A `fetch` with the one cookie that a browser would keep, which scripts cannot read; `seen` is what they can. */
function browserFetch() {
  let cookie = '';
  const browser = {
    seen: '',
    fetch: (async (input, init) => {
      const headers = { ...(init?.headers as Record<string, string>), cookie };
      const answer = await fetch(input, { ...init, headers });
      cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
      browser.seen += await answer.clone().text();
      return answer;
    }) as NonNullable<ClientOptions['fetch']>,
  };
  return browser;
}
