import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTokens } from '../auth/tokens.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { farewellTo, type Person, RawSocket, register, requestJson, signIn } from '../test/people.ts';
import { RawPeer, upgradeRequest } from '../test/raw-peer.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

const SECRET = 'r7V!q2Zp9Lx#4Tn8Wc6Yb1Km5Hs3Jd0G';
const GRACE_MS = 60_000;

let clock: FakeClock;
let server: TestServer;
let ana: Person;

beforeAll(async () => {
  clock = new FakeClock();
  server = await startTestServer({ clock, env: { PARLEY_SECRET: SECRET } });
  ana = await register(server.url);
});
afterAll(() => server.close());

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const partsOf = (token: string) => token.split('.') as [string, string, string];
const payloadOf = (token: string) => JSON.parse(Buffer.from(partsOf(token)[1], 'base64url').toString());
const signed = (header: object, payload: object, secret: string = SECRET) => {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};
const HEADER = { alg: 'HS256', typ: 'at+jwt' };

describe('a token in hello that is not an access token of ours, in force, closes the socket with 4401:', () => {
  const tokens: Record<string, () => string> = {
    'an empty one': () => '',
    'a word': () => 'token',
    'a refresh token': () => ana.refreshToken,
    'one without its signature': () => partsOf(ana.accessToken).slice(0, 2).join('.'),
    'one with another payload': () => {
      const [header, , signature] = partsOf(ana.accessToken);
      return [header, encode({ ...payloadOf(ana.accessToken), name: 'root' }), signature].join('.');
    },
    'one signed with another secret': () => signed(HEADER, payloadOf(ana.accessToken), 'x'.repeat(32)),
    'alg none': () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(payloadOf(ana.accessToken))}.`,
    'alg none in other letters': () =>
      `${encode({ alg: 'nOnE', typ: 'at+jwt' })}.${encode(payloadOf(ana.accessToken))}.`,
    'alg none with our signature': () => signed({ alg: 'none', typ: 'at+jwt' }, payloadOf(ana.accessToken)),
    'another hash': () => signed({ alg: 'HS512', typ: 'at+jwt' }, payloadOf(ana.accessToken)),
    'RS256 with a key of their own': () => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const text = `${encode({ alg: 'RS256', typ: 'at+jwt' })}.${encode(payloadOf(ana.accessToken))}`;
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    },
    'a key in the header': () => signed({ ...HEADER, jwk: { kty: 'oct', k: 'AAAA' } }, payloadOf(ana.accessToken)),
    'a path for a key id': () => signed({ ...HEADER, kid: '../../etc/passwd' }, payloadOf(ana.accessToken)),
    'another type': () => signed({ alg: 'HS256', typ: 'JWT' }, payloadOf(ana.accessToken)),
    'another audience': () => signed(HEADER, { ...payloadOf(ana.accessToken), aud: 'other' }),
    'no expiry': () => signed(HEADER, { ...payloadOf(ana.accessToken), exp: undefined }),
    'an expiry of 1e300': () => signed(HEADER, { ...payloadOf(ana.accessToken), exp: 1e300 }),
    'an expiry as text': () => signed(HEADER, { ...payloadOf(ana.accessToken), exp: '9999999999' }),
    'a longer life than ours have': () => {
      const payload = payloadOf(ana.accessToken);
      return signed(HEADER, { ...payload, exp: payload.exp + 3_600 });
    },
  };

  test.each(Object.keys(tokens))('%s', async (name) => {
    const { code, frames } = await farewellTo(server.url, {
      type: 'hello',
      ref: 7,
      token: (tokens[name] as () => string)(),
    });
    expect(frames).toEqual([expect.objectContaining({ type: 'fail', ref: 7, code: 'invalid_token' })]);
    expect(code).toBe(4401);
  });

  test('one that has run out', async () => {
    const past = new FakeClock(clock.now() - 700_000);
    const issuer = createTokens({ secret: Buffer.from(SECRET), accessTokenTtlMs: 600_000, clock: past });
    const { sub: userId, sid: sessionId, name: username } = payloadOf(ana.accessToken);
    const token = await issuer.issueAccessToken({ userId, sessionId, username });
    const { code, frames } = await farewellTo(server.url, { type: 'hello', ref: 7, token });
    expect(frames).toEqual([expect.objectContaining({ type: 'fail', ref: 7, code: 'invalid_token' })]);
    expect(code).toBe(4401);
  });

  test('the forger holds the right secret: with the right form the token would be taken', async () => {
    const socket = await RawSocket.opened(server.url);
    expect(await socket.ask({ type: 'hello', token: signed(HEADER, payloadOf(ana.accessToken)) })).toMatchObject({
      type: 'welcome',
      userId: ana.id,
    });
    socket.close();
  });
});

test.each([
  ['of a person and session that never were', () => ({ sub: newId(), sid: newId() })],
  ["of somebody else's session", () => ({ sub: newId() })],
])('[A2] a signed token %s is told that the session has ended, with 4403', async (_, changes) => {
  const token = signed(HEADER, { ...payloadOf(ana.accessToken), ...changes() });
  const { code, frames } = await farewellTo(server.url, { type: 'hello', ref: 1, token });
  expect(frames).toEqual([expect.objectContaining({ type: 'fail', code: 'session_ended' })]);
  expect(code).toBe(4403);
});

test('[A2] a token whose session was ended is refused with 4403', async () => {
  const again = await signIn(server.url, ana.username);
  await again.ask('POST', '/auth/logout');
  const { code, frames } = await farewellTo(server.url, { type: 'hello', ref: 1, token: again.accessToken });
  expect(frames).toEqual([expect.objectContaining({ type: 'fail', code: 'session_ended' })]);
  expect(code).toBe(4403);
});

describe('where the token is looked for:', () => {
  test('one in the address opens no session', async () => {
    for (const name of ['token', 'access_token', 'authorization']) {
      const peer = new RawPeer(server.url);
      peer.write(upgradeRequest(server.url, {}, `/api/v1/socket?${name}=${ana.accessToken}`));
      expect(await peer.head()).toContain('101');
      peer.say({ type: 'hello', ref: 1 });
      expect(await peer.closeCode()).toBe(4401);
      expect(peer.heard()).toEqual([expect.objectContaining({ type: 'fail', code: 'not_authenticated' })]);
      peer.destroy();
    }
  });

  test('one in a cookie opens no session', async () => {
    const cookies = `token=${ana.accessToken}; parley_refresh=${ana.refreshToken}; __Host-parley_refresh=${ana.refreshToken}`;
    const { code } = await farewellTo(server.url, { type: 'hello', ref: 1 }, { headers: { Cookie: cookies } });
    expect(code).toBe(4401);
  });

  test('one in the Authorization header is taken by hello, not before', async () => {
    const headers = { Authorization: `Bearer ${ana.accessToken}` };
    const socket = await RawSocket.opened(server.url, { headers });
    expect(await socket.ask({ type: 'hello' })).toMatchObject({ type: 'welcome', userId: ana.id });
    socket.close();
    const { code, frames } = await farewellTo(server.url, { type: 'ping', ref: 3 }, { headers });
    expect(frames).toEqual([expect.objectContaining({ type: 'fail', ref: 3, code: 'not_authenticated' })]);
    expect(code).toBe(4401);
  });

  test.each(['Basic', 'Token', 'Bearer Bearer', 'bearer\u00a0'])('the scheme %j is not read', async (scheme) => {
    const headers = { Authorization: `${scheme} ${ana.accessToken}` };
    expect((await farewellTo(server.url, { type: 'hello', ref: 1 }, { headers })).code).toBe(4401);
  });

  test('one in hello goes before the one in the header', async () => {
    const headers = { Authorization: `Bearer ${ana.accessToken}` };
    expect((await farewellTo(server.url, { type: 'hello', ref: 1, token: 'other' }, { headers })).code).toBe(4401);
  });
});

describe('the token of an open socket', () => {
  const fresh = async (person: Person): Promise<Person> => {
    const answer = await requestJson(server.url, 'POST', '/auth/refresh', { refreshToken: person.refreshToken });
    expect(answer.status).toBe(200);
    return { ...person, accessToken: answer.body.accessToken, refreshToken: answer.body.refreshToken };
  };

  test.each([
    ['one of another session of the same person', () => signIn(server.url, ana.username), 'invalid_token'],
    ["somebody else's", () => register(server.url), 'invalid_token'],
    [
      'a forged one',
      async () => ({ accessToken: signed(HEADER, payloadOf(ana.accessToken), 'x'.repeat(32)) }),
      'invalid_token',
    ],
    ['a refresh token', async () => ({ accessToken: ana.refreshToken }), 'invalid_token'],
  ])('is not renewed by %s: refused, and the socket stays who it is', async (_, other, code) => {
    const person = await signIn(server.url, ana.username);
    const socket = await RawSocket.signedIn(server.url, person);
    const { accessToken: token } = await other();
    expect(await socket.ask({ type: 'auth', token })).toMatchObject({ type: 'fail', code });
    expect(await socket.ask({ type: 'pull', stream: ana.id, after: 0 })).toMatchObject({ type: 'ok' });
    socket.close();
  });

  test('may run out: after a grace of a minute comes 4401, unless an auth frame has renewed it', async () => {
    const quick = await startTestServer({ clock, env: { PARLEY_HEARTBEAT_SECONDS: '1', PARLEY_SECRET: SECRET } });
    const [person, renewing] = await Promise.all([register(quick.url), register(quick.url)]);
    const [socket, renewed] = await Promise.all([
      RawSocket.signedIn(quick.url, person),
      RawSocket.signedIn(quick.url, renewing),
    ]);
    clock.advance(600_000);
    const { body } = await requestJson(quick.url, 'POST', '/auth/refresh', { refreshToken: renewing.refreshToken });
    expect(await renewed.ask({ type: 'auth', token: body.accessToken })).toMatchObject({ type: 'ok' });
    expect(await socket.ask({ type: 'auth', token: person.accessToken })).toMatchObject({ type: 'ok' });
    clock.advance(GRACE_MS + 1_000);
    expect(await socket.closing()).toEqual({ code: 4401, reason: 'not_authenticated' });
    const beats = renewed.frames.length;
    await renewed.frame((frame) => frame.type === 'beat' && renewed.frames.indexOf(frame) >= beats);
    expect(await renewed.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    renewed.close();
    await quick.close();
  });

  test('is renewed with the fresh one of its own session', async () => {
    const person = await signIn(server.url, ana.username);
    const socket = await RawSocket.signedIn(server.url, person);
    expect(await socket.ask({ type: 'auth', token: (await fresh(person)).accessToken })).toMatchObject({ type: 'ok' });
    socket.close();
  });
});
