import { newId } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_BACKOFF } from './backoff.ts';
import type { Heard } from './frames.ts';
import { createSocket, type Socket } from './socket.ts';
import { type ManualTiming, manualTiming } from './test/manual-timing.ts';
import { startTinySocketServer, type TinySocketServer } from './test/tiny-socket-server.ts';

const SOON = { timeout: 5_000, interval: 5 };
const STREAM = newId();

let server: TinySocketServer;
let timing: ManualTiming;
let socket: Socket;
let prepared: boolean[];
let heard: Heard[];
let events: string[];

beforeEach(async () => {
  server = await startTinySocketServer();
  timing = manualTiming(0.5);
  prepared = [];
  heard = [];
  events = [];
  socket = createSocket({
    url: server.url,
    WebSocket,
    timing,
    backoff: DEFAULT_BACKOFF,
    async prepare(renew) {
      prepared.push(renew);
      return { token: `token ${prepared.length}`, epoch: server.epoch, cursors: { [STREAM]: prepared.length } };
    },
    onWelcome: () => events.push('welcome'),
    onFrame: (frame) => heard.push(frame),
    onTick: () => {},
    onLost: () => events.push('lost'),
    onSessionEnded: () => events.push('session ended'),
    onStopped: (why) => events.push(`stopped: ${why?.code ?? 'as told'}`),
    onChange: () => {},
  });
});

afterEach(async () => {
  socket.disconnect();
  await server.stop();
});

const status = () => socket.connection.status;

describe('the socket', () => {
  test('[D4] says hello with the token, the epoch and the cursors, anew each time', async () => {
    await socket.connect();
    expect(status()).toBe('online');
    server.close(1011);
    await expect.poll(status, SOON).toBe('waiting');
    await timing.pass(500);
    await expect.poll(status, SOON).toBe('online');
    expect(server.heard).toEqual([
      { type: 'hello', ref: 0, token: 'token 1', epoch: server.epoch, cursors: { [STREAM]: 1 } },
      { type: 'hello', ref: 0, token: 'token 2', epoch: server.epoch, cursors: { [STREAM]: 2 } },
    ]);
  });

  test('waits longer after each failure, but hardly longer than it has failed, and says until when', async () => {
    await server.stop();
    const connected = socket.connect();
    const waits: number[] = [];
    const lost = timing.now();
    for (let tries = 0; tries < 6; tries += 1) {
      await expect.poll(status, SOON).toBe('waiting');
      const { connection } = socket;
      if (connection.status !== 'waiting') return expect.unreachable();
      const failing = timing.now() - lost;
      waits.push(connection.retryAt - timing.now());
      expect(waits.at(-1)).toBeLessThanOrEqual(failing + 500);
      expect(connection).toMatchObject({ since: lost, reason: 'unavailable' });
      await timing.pass(connection.retryAt - timing.now());
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBeGreaterThan(1_000);
    socket.disconnect();
    await expect(connected).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('tries at once when asked to', async () => {
    await server.stop();
    const connected = socket.connect();
    for (let tries = 0; tries < 4; tries += 1) {
      await expect.poll(status, SOON).toBe('waiting');
      socket.reconnectNow();
      expect(status()).toBe('connecting');
    }
    socket.disconnect();
    await expect(connected).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('4401 brings it back with a renewed token', async () => {
    await socket.connect();
    server.close(4401);
    await expect.poll(() => server.opened(), SOON).toBe(2);
    await expect.poll(status, SOON).toBe('online');
    expect(prepared).toEqual([false, true]);
  });

  test('4408 brings it back at once, but a second one in a row makes it wait', async () => {
    await socket.connect();
    server.close(4408);
    await expect.poll(() => server.heard.length, SOON).toBe(2);
    await expect.poll(status, SOON).toBe('online');
    server.close(4408);
    await expect.poll(status, SOON).toBe('waiting');
  });

  test('1012 and 4429 make it wait for the hint', async () => {
    await socket.connect();
    server.close(4429, '{"retryAfterMs":8000}');
    await expect.poll(status, SOON).toBe('waiting');
    await timing.pass(8_999);
    expect(status()).toBe('waiting');
    await timing.pass(1);
    await expect.poll(status, SOON).toBe('online');
    await timing.pass(5_000);
    server.close(1012, '{"retryAfterMs":400}');
    await expect.poll(status, SOON).toBe('waiting');
    await timing.pass(450);
    await expect.poll(status, SOON).toBe('online');
  });

  test('4403 ends it: signed out', async () => {
    await socket.connect();
    server.close(4403);
    await expect.poll(() => socket.connection, SOON).toEqual({ status: 'signed-out', reason: 'session_ended' });
    expect(events).toEqual(['welcome', 'lost', 'stopped: session_ended', 'session ended']);
    await timing.pass(60_000);
    expect(server.opened()).toBe(1);
  });

  test('4400 ends it: coming back would fail the same way', async () => {
    server.welcomes = false;
    const connected = socket.connect();
    const refused = expect(connected).rejects.toMatchObject({ code: 'unsupported_subprotocol', message: 'no thanks' });
    await expect.poll(() => server.heard.length, SOON).toBe(1);
    server.close(4400, 'no thanks');
    await refused;
    expect(status()).toBe('offline');
  });

  test('a hello refused for the moment is said again later', async () => {
    server.welcomes = false;
    const connected = socket.connect();
    await expect.poll(() => server.heard.length, SOON).toBe(1);
    server.send({ type: 'fail', ref: 0, code: 'unavailable', title: 'Not now.' });
    await expect.poll(status, SOON).toBe('waiting');
    server.welcomes = true;
    await timing.pass(500);
    await connected;
  });

  test('a server that does not greet in time is left', async () => {
    server.welcomes = false;
    const connected = socket.connect();
    await expect.poll(() => server.heard.length, SOON).toBe(1);
    await timing.pass(10_000);
    expect(['waiting', 'connecting']).toContain(status());
    server.welcomes = true;
    await timing.pass(500);
    await connected;
  });

  test('a silent server is asked for a sign of life, and left when there is none', async () => {
    await socket.connect();
    await timing.pass(20_000);
    await expect.poll(() => server.heard.map(({ type }) => type), SOON).toEqual(['hello', 'ping']);
    await expect.poll(() => heard.map(({ type }) => type), SOON).toEqual(['pong']);
    server.answersPings = false;
    await timing.pass(30_000);
    expect(status()).toBe('online');
    await timing.pass(10_000);
    expect(events).toContain('lost');
  });

  test('frames that mean nothing are passed over; an unknown event still has its place in the log', async () => {
    await socket.connect();
    const at = '2026-01-01T00:00:00.000Z';
    const ahead = { type: 'entry', stream: STREAM, seq: 7, at, actor: null, event: { type: 'poll.opened', poll: {} } };
    for (const data of ['', '{', 'null', '[]', '7', '{"type":"confetti"}', '{"type":"beat"}', ahead]) server.send(data);
    await expect.poll(() => heard, SOON).toHaveLength(1);
    expect(heard).toEqual([{ type: 'entry', entry: { stream: STREAM, seq: 7, event: { type: 'unknown' } } }]);
    expect(status()).toBe('online');
  });
});

describe('a request', () => {
  test('resolves with its answer, whatever order the answers come in', async () => {
    await socket.connect();
    const first = socket.request({ type: 'read', channelId: STREAM, seq: 1 });
    const second = socket.request({ type: 'pull', stream: STREAM, after: 0 });
    await expect.poll(() => server.heard.length, SOON).toBe(3);
    const [, read, pull] = server.heard;
    const entry = { stream: STREAM, seq: 1, at: 'then', actor: null, event: { type: 'poll.opened' } };
    server.send({ type: 'ok', ref: pull?.ref, stream: STREAM, head: 1, entries: [entry, 'nonsense'] });
    server.send({ type: 'ok', ref: read?.ref, seq: 1 });
    expect(await first).toMatchObject({ seq: 1 });
    expect((await second).entries).toEqual([{ stream: STREAM, seq: 1, event: { type: 'unknown' } }]);
  });

  test('rejects with the refusal, also with one that only a newer server knows', async () => {
    await socket.connect();
    const known = socket.request({ type: 'read', channelId: STREAM, seq: 1 });
    const unknown = socket.request({ type: 'read', channelId: STREAM, seq: 2 });
    await expect.poll(() => server.heard.length, SOON).toBe(3);
    server.send({ type: 'fail', ref: server.heard[1]?.ref, code: 'throttled', title: 'Slow.', retryAfterMs: 70 });
    server.send({ type: 'fail', ref: server.heard[2]?.ref, code: 'out_of_coffee', title: 'No coffee.' });
    await expect(known).rejects.toMatchObject({ code: 'throttled', details: { retryAfterMs: 70 } });
    await expect(unknown).rejects.toMatchObject({ code: 'forbidden', message: 'No coffee.' });
  });

  test('[S3] rejects with an unknown outcome where the answer does not come, or the connection ends', async () => {
    await socket.connect();
    const late = socket.request({ type: 'read', channelId: STREAM, seq: 1 });
    const lateRejects = expect(late).rejects.toMatchObject({ code: 'timeout' });
    await timing.pass(20_000);
    await lateRejects;
    const cut = socket.request({ type: 'read', channelId: STREAM, seq: 1 });
    const cutRejects = expect(cut).rejects.toMatchObject({ code: 'unavailable' });
    server.close(1011);
    await cutRejects;
    await expect(socket.request({ type: 'pull', stream: STREAM, after: 0 })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});
