import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { newId } from '@parley/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Turn } from '../delivery/turn.ts';
import { type Frame, type Person, RawSocket, register } from '../test/people.ts';
import { OPCODE, RawPeer } from '../test/raw-peer.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';
import { HeartbeatWheel } from './heartbeat-wheel.ts';
import { MOST_WAITING_BYTES, SocketWriter } from './socket-writer.ts';

let server: TestServer;
afterEach(async () => {
  vi.useRealTimers();
  await server?.close();
});

async function start(env: Record<string, string> = {}) {
  server = await startTestServer({ env });
  const [ana, bob] = await Promise.all([register(server.url), register(server.url)]);
  const channel = await ana.ask('POST', '/channels', { name: newId(), kind: 'private', members: [bob.username] });
  return { ana, bob, channelId: channel.id as string, head: channel.head as number };
}

/** How many sockets were closed with this code. */
const closedWith = async (code: number) => {
  const text = await server.metrics.render();
  return Number(new RegExp(`^parley_sockets_closed_total\\{code="${code}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
};

describe('a reader that stops reading', () => {
  test('[D2] [D4] is closed with 4408, others notice nothing, and it resumes with nothing lost or twice', async () => {
    const { ana, bob, channelId, head } = await start({ PARLEY_FLOOD: 'off' });
    const [anas, bobs] = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, bob)]);
    const slow = await RawPeer.upgraded(server.url);
    slow.say({ type: 'hello', ref: 1, token: bob.accessToken });
    await vi.waitFor(() => expect(slow.heard()).not.toEqual([]));
    const { epoch } = slow.heard()[0];
    slow.socket.pause();

    const body = '🦦'.repeat(8_000);
    let last = head;
    while (!readFileSync(join(server.folder, 'logs/api_requests.log'), 'utf8').includes('sent to 2 connections')) {
      const wave = Array.from({ length: 25 }, () => anas.ask({ type: 'send', id: newId(), channelId, body }));
      for (const { seq } of await Promise.all(wave)) last = seq;
      expect(last, 'messages until the reader counted as slow').toBeLessThan(2_000);
    }
    await bobs.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === last);
    expect(bobs.entries(channelId).map((entry) => entry.seq)).toEqual(range(head + 1, last));

    slow.socket.resume();
    expect(await slow.closeCode()).toBe(4408);
    slow.send({ opcode: OPCODE.close });
    await vi.waitFor(async () => expect(await closedWith(4408)).toBe(1));
    const first = slow.heard().filter((frame) => frame.type === 'entry' && frame.stream === channelId);
    const cursor = first.at(-1)?.seq ?? head;
    expect(cursor).toBeLessThan(last);

    const resumed = await RawSocket.signedIn(server.url, bob, { epoch, cursors: { [channelId]: cursor } });
    await resumed.frame((frame) => frame.type === 'entry' && frame.seq === last);
    const all = [...first, ...resumed.entries(channelId)].map((entry: Frame) => entry.seq);
    expect(all).toEqual(range(head + 1, last));
    for (const socket of [anas, bobs, resumed]) socket.close();
    slow.destroy();
  });

  test('never has more than 1 MiB waiting for it', async () => {
    const stuck = new Writable({ write() {} });
    let isTooSlow = false;
    const writer = new SocketWriter(stuck as never, new Turn(), () => (isTooSlow = true));
    for (let written = 0; written < 3_000; written += 1) {
      writer.write(Buffer.alloc(1_024));
      if (written % 7 === 0) writer.flush();
      expect(stuck.writableLength).toBeLessThanOrEqual(MOST_WAITING_BYTES);
    }
    await Promise.resolve();
    expect(isTooSlow).toBe(true);
    expect(stuck.writableLength).toBeGreaterThan(MOST_WAITING_BYTES / 2);
  });
});

describe('a flood of frames', () => {
  test('is closed with 4429 and a hint when to come back; others are served', async () => {
    const { ana, bob, channelId } = await start({ PARLEY_FLOOD: '50/10s' });
    const [anas, bobs] = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, bob)]);
    for (let ref = 1_000; ref < 1_100; ref += 1) anas.send({ type: 'ping', ref });
    const { code, reason } = await anas.closing();
    expect(code).toBe(4429);
    expect(JSON.parse(reason)).toEqual({ retryAfterMs: 10_000 });
    expect(anas.frames.filter((frame) => frame.type === 'pong').length).toBeLessThanOrEqual(51);
    expect(await bobs.ask({ type: 'send', id: newId(), channelId, body: 'x' })).toMatchObject({ type: 'ok' });
    bobs.close();
  });

  test('is one whatever the frames hold', async () => {
    const { ana } = await start({ PARLEY_FLOOD: '50/10s' });
    for (const frame of ['not json', Buffer.from('binary'), '{"type":"shout","ref":1}']) {
      const socket = await RawSocket.signedIn(server.url, ana);
      for (let sent = 0; sent < 60; sent += 1) socket.send(frame);
      expect((await socket.closing()).code).toBe(4429);
    }
  });

  test('is none with PARLEY_FLOOD=off', async () => {
    const { ana } = await start({ PARLEY_FLOOD: 'off' });
    const socket = await RawSocket.signedIn(server.url, ana);
    for (let ref = 1_000; ref < 4_000; ref += 1) socket.send({ type: 'ping', ref });
    await socket.frame((frame) => frame.ref === 3_999);
    expect(socket.frames.filter((frame) => frame.type === 'pong')).toHaveLength(3_000);
    socket.close();
  });
});

describe('heartbeats', () => {
  test('drop a peer that is mute, keep one that answers, and one that says anything', async () => {
    const { ana, bob } = await start({ PARLEY_HEARTBEAT_SECONDS: '1' });
    const living = await RawSocket.signedIn(server.url, ana);
    const [mute, talking] = await Promise.all([RawPeer.upgraded(server.url), RawPeer.upgraded(server.url)]);
    for (const peer of [mute, talking]) peer.say({ type: 'hello', ref: 1, token: bob.accessToken });
    const talk = setInterval(() => talking.say({ type: 'ping', ref: 2 }), 200);
    await mute.ended();
    clearInterval(talk);
    expect(await living.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(talking.hasEnded).toBe(false);
    expect(living.frames.filter((frame) => frame.type === 'beat').length).toBeGreaterThan(0);
    expect(mute.frames().some(({ opcode }) => opcode === 9)).toBe(true);
    talking.destroy();
    living.close();
  });

  test('[D3] tell the heads that moved, and each only once', async () => {
    const { ana, bob, channelId } = await start({ PARLEY_HEARTBEAT_SECONDS: '1' });
    const [anas, bobs] = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, bob)]);
    const { seq } = await anas.ask({ type: 'send', id: newId(), channelId, body: 'x' });
    const beat = await bobs.frame((frame) => frame.type === 'beat' && frame.heads[channelId] === seq);
    const after = bobs.frames.indexOf(beat);
    const next = await bobs.frame((frame) => frame.type === 'beat' && bobs.frames.indexOf(frame) > after);
    expect(next.heads).toEqual({});
    for (const socket of [anas, bobs]) socket.close();
  });

  test('are one timer for any number of sockets, and each comes round once a period', () => {
    vi.useFakeTimers();
    const beats = new Map<number, number>();
    const wheel = new HeartbeatWheel<number>(15_000, (items) => {
      for (const item of items) beats.set(item, (beats.get(item) ?? 0) + 1);
    });
    const leave = Array.from({ length: 1_000 }, (_, item) => wheel.add(item));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(beats.size).toBeLessThan(100);
    vi.advanceTimersByTime(14_000);
    expect([...beats.values()]).toEqual(Array(1_000).fill(1));
    leave[7]?.();
    vi.advanceTimersByTime(15_000);
    expect([beats.get(7), beats.get(8)]).toEqual([1, 2]);
    wheel.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('and sockets start no timer of their own', async () => {
    const { ana } = await start();
    const timers = vi.spyOn(globalThis, 'setTimeout');
    const intervals = vi.spyOn(globalThis, 'setInterval');
    const sockets = await Promise.all(Array.from({ length: 40 }, () => RawSocket.signedIn(server.url, ana)));
    expect(timers.mock.calls.length + intervals.mock.calls.length).toBeLessThan(20);
    for (const socket of sockets) socket.close();
    vi.restoreAllMocks();
  });
});

describe('[T1] the throttle at the socket', () => {
  const sendAs = (socket: RawSocket, channelId: string) =>
    socket.ask({ type: 'send', id: newId(), channelId, body: 'x' });

  test('says when to try again, counts both doors and all sockets of a person, and nobody else', async () => {
    const { ana, bob, channelId } = await start({ PARLEY_THROTTLE_MESSAGES: '3/60s' });
    const [first, second, bobs] = await Promise.all(
      [ana, ana, bob].map((person) => RawSocket.signedIn(server.url, person)),
    );
    if (!first || !second || !bobs) throw new Error('not signed in');
    expect(await sendAs(first, channelId)).toMatchObject({ type: 'ok' });
    expect(await sendAs(second, channelId)).toMatchObject({ type: 'ok' });
    expect((await postByRest(ana, channelId)).status).toBe(201);

    const refused = await sendAs(first, channelId);
    expect(refused).toMatchObject({ type: 'fail', code: 'throttled', retryAfterMs: expect.any(Number) });
    expect(refused.retryAfterMs).toBeGreaterThan(50_000);
    const byRest = await postByRest(ana, channelId);
    expect(byRest.status).toBe(429);
    expect(Number(byRest.headers.get('Retry-After'))).toBeGreaterThan(50);
    expect(await sendAs(bobs, channelId)).toMatchObject({ type: 'ok' });
    for (const socket of [first, second, bobs]) socket.close();
  });

  function postByRest(person: Person, channelId: string) {
    return person.request('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'x' });
  }
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
