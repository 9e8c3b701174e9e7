import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Frame, type Person, RawSocket, register, requestJson } from '../test/people.ts';
import { RawPeer } from '../test/raw-peer.ts';
import { freePort, type ServerProcess, startServerProcess } from '../test/server-process.ts';

const CLOSED_WITHIN_MS = 10_000;

const ENV = { PARLEY_FLOOD: 'off', LOG_FORMAT: 'json' };

let folder: string;
let port: number;
let server: ServerProcess;
let ana: Person;
let channelId: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-drain-'));
  port = await freePort();
  server = await startServerProcess({ folder, port, env: ENV });
  ana = await register(server.url);
  channelId = (await ana.ask('POST', '/channels', { name: newId(), kind: 'private' })).id;
});
afterEach(async () => {
  await server.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Asks the server to end and waits until it has, as it should: soon, with 0 and without an error. */
async function end(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM', withinMs = CLOSED_WITHIN_MS): Promise<void> {
  const started = performance.now();
  expect(await server.stop(signal), server.output()).toBe(0);
  expect(performance.now() - started).toBeLessThan(withinMs);
  expect(server.output()).not.toMatch(/"level":"(error|fatal)"/);
}

const sends = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    type: 'send',
    ref: 1_000 + index,
    id: newId(),
    channelId,
    body: `${index}`,
  }));

/** After a restart every acknowledged message stands once in its place, and the others converge. */
async function expectAllKept(sent: ReturnType<typeof sends>, acks: readonly Frame[]): Promise<void> {
  server = await startServerProcess({ folder, port, env: ENV });
  const socket = await RawSocket.signedIn(server.url, ana);
  const answers = await Promise.all(sent.map((send) => socket.ask(send)));
  for (const ack of acks) expect(answers.find((answer) => answer.id === ack.id)).toMatchObject({ seq: ack.seq });
  const { body } = await requestJson(
    server.url,
    'GET',
    `/channels/${channelId}/log?limit=500`,
    undefined,
    ana.accessToken,
  );
  const ids = body.entries.flatMap(({ event }: Frame) => (event.type === 'message.posted' ? [event.message.id] : []));
  expect(ids.toSorted()).toEqual(sent.map((send) => send.id).toSorted());
  socket.close();
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('[S1] [S3] answers what was received, closes every socket with 1012 and a hint, and exits with 0', async () => {
    const [socket, idle] = await Promise.all([
      RawSocket.signedIn(server.url, ana),
      RawSocket.signedIn(server.url, ana),
    ]);
    const stranger = new RawSocket(server.url);
    await stranger.opened();
    const sent = sends(200);
    for (const send of sent) socket.send(send);
    await socket.frame((frame) => frame.type === 'ok' && frame.ref === 1_000);
    const ended = end(signal);
    const hints = await Promise.all(
      [socket, idle, stranger].map(async (each) => {
        const { code, reason } = await each.closing();
        expect(code).toBe(1012);
        return JSON.parse(reason).retryAfterMs;
      }),
    );
    for (const hint of hints) expect(hint).toSatisfy((ms: number) => Number.isInteger(ms) && ms >= 0 && ms <= 2_000);
    await ended;
    const acks = socket.frames.filter((frame) => frame.type === 'ok' && frame.ref >= 1_000);
    expect(acks).toHaveLength(sent.length);
    // What the last turn brought was written before the close, too.
    expect(socket.entries(channelId).at(-1)?.seq).toBe(Math.max(...acks.map(({ seq }) => seq)));
    await expectAllKept(sent, acks);
  });
});

test('[S1] [S3] SIGTERM in the middle of endless sends takes no more of them, and loses none that it acknowledged', async () => {
  const sockets = await Promise.all(Array.from({ length: 4 }, () => RawSocket.signedIn(server.url, ana)));
  const sent: ReturnType<typeof sends> = [];
  const pour = setInterval(() => {
    for (const socket of sockets) {
      const next = sends(1)[0];
      if (socket.closed || socket.webSocket.readyState !== 1 || !next || sent.length >= 480) continue;
      sent.push(next);
      socket.send(next);
    }
  }, 1);
  await vi.waitFor(() => expect(sent.length).toBeGreaterThan(100), { timeout: 10_000 });
  await end('SIGTERM', 3_000);
  clearInterval(pour);
  await Promise.all(sockets.map((socket) => socket.closing()));
  const acks = sockets.flatMap((socket) => socket.frames.filter((frame) => frame.type === 'ok' && frame.ref >= 1_000));
  expect(acks.length).toBeGreaterThan(50);
  await expectAllKept(sent, acks);
});

test('[S1] [S3] REST requests under way are answered before the end', async () => {
  // Connections that are open already, so that what is sent on them has been received when the first answer comes.
  await Promise.all(Array.from({ length: 40 }, () => ana.ask('GET', '/me')));
  const posts = Array.from({ length: 40 }, () =>
    ana.request('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'x' }).then(
      ({ status }) => status,
      () => 0,
    ),
  );
  await Promise.race(posts);
  await end();
  const statuses = await Promise.all(posts);
  expect(new Set(statuses)).toEqual(new Set([201]));
});

test('peers that never answer, never read or never finish a request do not hold up the end', async () => {
  const [mute, halfway, unread] = [
    await RawPeer.upgraded(server.url),
    new RawPeer(server.url),
    new RawPeer(server.url),
  ];
  mute.say({ type: 'hello', ref: 1, token: ana.accessToken });
  await vi.waitFor(() => expect(mute.heard()).not.toEqual([]));
  mute.socket.pause();
  halfway.write(
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  );
  unread.write('GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50));
  unread.socket.pause();
  await ana.ask('GET', '/me');
  await end();
  for (const peer of [mute, halfway, unread]) peer.destroy();
});
