import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../storage/open-store.ts';
import type { Subscription } from '../storage/store.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { type Frame, farewellTo, type Person, RawSocket, register } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let clock: FakeClock;
let server: TestServer;
let ana: Person;

beforeAll(async () => {
  clock = new FakeClock();
  server = await startTestServer({ clock });
  ana = await register(server.url);
});
afterAll(() => server.close());

describe('before hello', () => {
  test.each([
    ['send', () => ({ type: 'send', ref: 4, id: newId(), channelId: newId(), body: 'x' })],
    ['read', () => ({ type: 'read', ref: 4, channelId: newId(), seq: 1 })],
    ['pull', () => ({ type: 'pull', ref: 4, stream: 'workspace', after: 0 })],
    ['auth', () => ({ type: 'auth', ref: 4, token: ana.accessToken })],
    ['ping', () => ({ type: 'ping', ref: 4 })],
  ])('%s is not answered but with 4401', async (_, frame) => {
    const { code, frames } = await farewellTo(server.url, frame());
    expect(frames).toEqual([expect.objectContaining({ type: 'fail', ref: 4, code: 'not_authenticated' })]);
    expect(code).toBe(4401);
  });

  test.each([
    ['words', 'hello', 'malformed_json', null],
    ['a list', '[]', 'validation_failed', null],
    ['an unknown frame', '{"type":"shout","ref":5}', 'unknown_frame', 5],
    ['a binary frame', Buffer.from('{}'), 'binary_frame', null],
    ['a hello without a ref', '{"type":"hello","token":"x"}', 'validation_failed', null],
    ['a hello with a number for a token', '{"type":"hello","ref":5,"token":1}', 'validation_failed', 5],
    [
      'a hello with a token of 5,000 characters',
      `{"type":"hello","ref":5,"token":"${'x'.repeat(5_000)}"}`,
      'validation_failed',
      5,
    ],
    ['a hello with an epoch that is none', '{"type":"hello","ref":5,"epoch":"1"}', 'validation_failed', 5],
    ['cursors that are a list', '{"type":"hello","ref":5,"cursors":[]}', 'validation_failed', 5],
    ['a cursor of -1', '{"type":"hello","ref":5,"cursors":{"workspace":-1}}', 'validation_failed', 5],
    ['a cursor of 1e400', '{"type":"hello","ref":5,"cursors":{"workspace":1e400}}', 'validation_failed', 5],
    ['a cursor of a stream that is none', '{"type":"hello","ref":5,"cursors":{"general":1}}', 'validation_failed', 5],
    ['a cursor of constructor', '{"type":"hello","ref":5,"cursors":{"constructor":1}}', 'validation_failed', 5],
    ['a cursor of __proto__', '{"type":"hello","ref":5,"cursors":{"__proto__":1}}', 'validation_failed', 5],
    [
      'cursors under __proto__',
      '{"type":"hello","ref":5,"cursors":{"__proto__":{"workspace":1}}}',
      'validation_failed',
      5,
    ],
    ['a field too many', '{"type":"hello","ref":5,"role":"owner"}', 'validation_failed', 5],
  ])('%s is refused and closes with 4400', async (_, frame, errorCode, ref) => {
    const { code, frames } = await farewellTo(server.url, frame);
    expect(frames).toEqual([expect.objectContaining({ type: 'fail', ref, code: errorCode })]);
    expect(code).toBe(4400);
  });

  test('after 5 s of silence comes 4401, and not before', async () => {
    const silent = await RawSocket.opened(server.url);
    const timely = await RawSocket.opened(server.url);
    clock.advance(4_000);
    const later = await RawSocket.opened(server.url);
    expect(await timely.ask({ type: 'hello', token: ana.accessToken })).toMatchObject({ type: 'welcome' });
    clock.advance(1_000);
    expect(await silent.closing()).toEqual({ code: 4401, reason: 'not_authenticated' });
    expect(silent.frames).toEqual([]);
    expect(await timely.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(await later.ask({ type: 'hello', token: ana.accessToken })).toMatchObject({ type: 'welcome' });
    for (const socket of [timely, later]) socket.close();
  });

  test('pings of the WebSocket protocol do not put off the 5 s', async () => {
    const socket = await RawSocket.opened(server.url);
    clock.advance(3_000);
    socket.webSocket.ping();
    clock.advance(2_000);
    expect((await socket.closing()).code).toBe(4401);
  });
});

test('a hello that the database leaves unanswered for 5 s is told to come back, not to sign in again', async () => {
  const home = mkdtempSync(join(tmpdir(), 'parley-test-'));
  const store = await openStore({
    storage: { dataDir: home, sqlitePath: join(home, 'parley.db'), synchronous: 'full', allowWeakDurability: false },
  });
  const { promise: stuck, resolve: release } = Promise.withResolvers<Subscription[]>();
  const hanging = await startTestServer({ clock, store: { ...store, listSubscriptions: () => stuck } });
  const person = await register(hanging.url);
  const socket = new RawSocket(hanging.url);
  await socket.opened();
  socket.send({ type: 'hello', ref: 1, token: person.accessToken });
  socket.send({ type: 'hello', ref: 2, token: person.accessToken });
  await socket.frame((frame) => frame.ref === 2);
  clock.advance(5_000);
  const { code, reason } = await socket.closing();
  expect([code, JSON.parse(reason)]).toEqual([1012, { retryAfterMs: expect.any(Number) }]);
  release([]);
  await hanging.close();
  rmSync(home, { recursive: true });
});

test('a second hello is refused and changes nothing, also while the first one is being answered', async () => {
  const bob = await register(server.url);
  const socket = await RawSocket.opened(server.url);
  socket.send({ type: 'hello', ref: 1_001, token: ana.accessToken });
  socket.send({ type: 'hello', ref: 1_002, token: bob.accessToken });
  expect(await socket.frame((frame) => frame.ref === 1_001)).toMatchObject({ type: 'welcome', userId: ana.id });
  expect(await socket.frame((frame) => frame.ref === 1_002)).toMatchObject({ type: 'fail', code: 'already_signed_in' });
  expect(await socket.ask({ type: 'hello', token: bob.accessToken })).toMatchObject({ code: 'already_signed_in' });
  const own = await socket.ask({ type: 'pull', stream: ana.id, after: 0 });
  expect(own.type).toBe('ok');
  socket.close();
});

test('[O3] frames sent together with hello are carried out after it, in their order', async () => {
  const { id: channelId } = await ana.ask('POST', '/channels', { name: newId(), kind: 'private' });
  const socket = await RawSocket.opened(server.url);
  socket.send({ type: 'hello', ref: 1, token: ana.accessToken });
  for (let ref = 2; ref < 22; ref += 1) socket.send({ type: 'send', ref, id: newId(), channelId, body: String(ref) });
  await socket.frame((frame) => frame.ref === 21);
  const answers = socket.frames.filter((frame) => frame.ref !== undefined);
  expect(answers.map((frame: Frame) => frame.ref)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
  const { messages } = await ana.ask('GET', `/channels/${channelId}/messages`);
  expect(messages.map((message: Frame) => message.body)).toEqual(
    Array.from({ length: 20 }, (_, index) => String(index + 2)),
  );
  socket.close();
});
