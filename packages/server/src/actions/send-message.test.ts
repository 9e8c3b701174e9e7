import { newId } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { type Person, RawSocket, register } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let clock: FakeClock;
let server: TestServer;
let ana: Person;
let socket: RawSocket;
let channelId: string;

beforeEach(async () => {
  clock = new FakeClock();
  server = await startTestServer({ clock, env: { PARLEY_THROTTLE_MESSAGES: '5/10s' } });
  ana = await register(server.url);
  channelId = (await ana.ask('POST', '/channels', { name: newId(), kind: 'private' })).id;
  socket = await RawSocket.signedIn(server.url, ana);
});
afterEach(async () => {
  socket.close();
  await server.close();
});

const byRest = (message: { id: string; body: string }, channel = channelId) =>
  ana.request('POST', `/channels/${channel}/messages`, message);
const bySocket = (message: { id: string; body: string }) => socket.ask({ type: 'send', channelId, ...message });
const aMessage = () => ({ id: newId(), body: 'hello' });
const messageCount = async () => (await ana.ask('GET', `/channels/${channelId}`)).messageCount;

describe('[T1] over both doors with one count', () => {
  test('the sixth of five in 10 s waits exactly until the first is 10 s old, by whichever door it comes', async () => {
    for (const send of [byRest, bySocket, byRest, bySocket, byRest]) {
      await send(aMessage());
      clock.advance(100);
    }
    const late = aMessage();
    expect(await bySocket(late)).toMatchObject({ type: 'fail', code: 'throttled', retryAfterMs: 9_500 });
    const refused = await byRest(late);
    expect(refused).toMatchObject({ status: 429, body: { code: 'throttled', retryAfterMs: 9_500 } });
    expect(refused.headers.get('Retry-After')).toBe('10');
    clock.advance(9_499);
    expect(await bySocket(late)).toMatchObject({ code: 'throttled', retryAfterMs: 1 });
    expect((await byRest(late)).headers.get('Retry-After')).toBe('1');
    clock.advance(1);
    expect(await byRest(late)).toMatchObject({ status: 201 });
    expect(await bySocket(aMessage())).toMatchObject({ code: 'throttled', retryAfterMs: 100 });
    expect(await messageCount()).toBe(6);
  });

  test('of a crowd that comes at once by both doors exactly five are accepted', async () => {
    const sends = Array.from({ length: 30 }, (_, index) => (index % 2 ? byRest : bySocket)(aMessage()));
    const answers = await Promise.all(sends);
    const accepted = answers.filter((answer) => answer.type === 'ok' || answer.status === 201);
    expect([accepted.length, await messageCount()]).toEqual([5, 5]);
  });

  test('[S2] a resend of what was acknowledged is acknowledged again, over the limit or not, and takes no slot', async () => {
    const sent = Array.from({ length: 4 }, aMessage);
    const acks = await Promise.all(sent.map(bySocket));
    for (let again = 0; again < 3; again += 1) {
      for (const [index, message] of sent.entries()) {
        expect(await bySocket(message)).toMatchObject({ type: 'ok', seq: acks[index].seq });
        expect(await byRest(message)).toMatchObject({ status: 200, body: { id: message.id, seq: acks[index].seq } });
      }
    }
    expect(await byRest(aMessage())).toMatchObject({ status: 201 });
    expect(await byRest(aMessage())).toMatchObject({ status: 429 });
    for (const [index, message] of sent.entries()) {
      expect(await bySocket(message)).toMatchObject({ type: 'ok', seq: acks[index].seq });
      expect(await byRest(message)).toMatchObject({ status: 200, body: { seq: acks[index].seq } });
    }
    expect(await byRest({ ...(sent[0] as { id: string }), body: 'else' })).toMatchObject({ status: 409 });
    expect(await messageCount()).toBe(5);
  });

  test('[S3] a message refused for another reason takes no slot, and over the limit that reason is still told', async () => {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      expect(await byRest(aMessage(), newId())).toMatchObject({ status: 404, body: { code: 'channel_not_found' } });
    }
    for (let sent = 0; sent < 5; sent += 1) expect(await byRest(aMessage())).toMatchObject({ status: 201 });
    expect(await byRest(aMessage(), newId())).toMatchObject({ status: 404 });
    expect(await byRest(aMessage())).toMatchObject({ status: 429, body: { retryAfterMs: 10_000 } });
  });

  test('[S3] what was throttled never happened: the same id is accepted later, with other words', async () => {
    for (let sent = 0; sent < 5; sent += 1) await bySocket(aMessage());
    const message = aMessage();
    expect(await bySocket(message)).toMatchObject({ code: 'throttled' });
    clock.advance(10_000);
    expect(await bySocket({ ...message, body: 'later, in other words' })).toMatchObject({ type: 'ok' });
  });
});
