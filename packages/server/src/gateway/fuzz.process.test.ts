import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API_PREFIX, newId } from '@parley/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Chance, chanceOf } from '../../../client/src/test/chance.ts';
import { mutate, mutateBytes } from '../test/mutations.ts';
import { type Person, RawSocket, register, requestJson } from '../test/people.ts';
import { OPCODE, RawPeer, wireFrame } from '../test/raw-peer.ts';
import { freePort, type ServerProcess, startServerProcess } from '../test/server-process.ts';

const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);
const FRAMES = 7_000;
const BODIES = 3_000;
/** How many go before memory is measured for the first time. */
const WARM_UP = 0.4;
const MOST_GROWTH = 64 * 1024 * 1024;
const METRICS_TOKEN = 'a-token-for-metrics-alone';

let folder: string;
let server: ServerProcess;
let eve: Person;
let room: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-fuzz-'));
  const env = { PARLEY_FLOOD: 'off', LOG_FORMAT: 'json', PARLEY_METRICS_TOKEN: METRICS_TOKEN };
  server = await startServerProcess({ folder, port: await freePort(), env });
  eve = await register(server.url);
  room = (await eve.ask('POST', '/channels', { name: newId(), kind: 'public' })).id;
});
afterAll(async () => {
  await server.stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

const validFrames = (): readonly object[] => [
  { type: 'send', ref: 1, id: newId(), channelId: room, body: 'something to say' },
  { type: 'read', ref: 2, channelId: room, seq: 3 },
  { type: 'pull', ref: 3, stream: room, after: 0, limit: 10 },
  { type: 'auth', ref: 4, token: eve.accessToken },
  { type: 'ping', ref: 5 },
  { type: 'hello', ref: 6, token: eve.accessToken, epoch: newId(), cursors: { [room]: 1, workspace: 0 } },
];

const validRequests = (): readonly (readonly [method: string, path: string, body: object])[] => [
  [
    'POST',
    '/auth/register',
    { username: `u${newId().slice(-8)}`, password: 'short', displayName: 'Somebody', session: 'token' },
  ],
  ['POST', '/auth/login', { username: 'nobody', password: { $ne: 1 } }],
  ['POST', '/auth/refresh', { refreshToken: 'x'.repeat(43) }],
  ['POST', '/channels', { name: newId(), kind: 'private', topic: 'things', members: [eve.username] }],
  ['POST', '/conversations', { usernames: [eve.username, 'nobody'] }],
  ['PATCH', `/channels/${room}`, { name: newId(), topic: 'other things', archived: false, rev: 1 }],
  ['POST', `/channels/${room}/members`, { usernames: ['nobody', eve.username] }],
  ['POST', `/channels/${room}/messages`, { id: newId(), body: 'something to say' }],
  ['POST', `/channels/${room}/read`, { seq: 5 }],
  ['GET', `/channels/${room}/messages?before=10&limit=5`, {}],
  ['GET', `/channels/${room}/log?after=3&limit=500`, {}],
];

const residentBytes = () => metric('process_resident_memory_bytes');

async function metric(name: string): Promise<number> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${METRICS_TOKEN}` } });
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await answer.text())?.[1]);
}

/** A socket of eve's, or a fresh one where the last was closed for what was said on it. */
async function openPeer(last?: RawPeer): Promise<RawPeer> {
  if (last && !last.hasEnded && !last.frames().some(({ opcode }) => opcode === OPCODE.close)) return last;
  last?.destroy();
  const peer = await RawPeer.upgraded(server.url);
  peer.say({ type: 'hello', ref: 0, token: eve.accessToken });
  await vi.waitFor(() => expect(peer.heard()).not.toEqual([]));
  return peer;
}

async function throwFrames(count: number, chance: Chance): Promise<void> {
  let peer = await openPeer();
  for (let thrown = 0; thrown < count; thrown += 1) {
    const valid = JSON.stringify(chance.pick(validFrames()));
    const payload = mutateBytes(valid, chance);
    const odd = chance.between(0, 99);
    if (odd === 0) peer.write(payload);
    else if (odd === 1) peer.write(mutateBytes(wireFrame({ payload: valid }).toString('latin1'), chance));
    else if (odd === 2)
      peer.send({
        payload,
        opcode: chance.between(0, 15),
        reserved: chance.between(0, 7),
        fin: chance.between(0, 1) === 0,
      });
    else if (odd < 10) {
      const cut = chance.between(0, payload.length);
      peer.send({ payload: payload.subarray(0, cut), fin: false }, { opcode: 0, payload: payload.subarray(cut) });
    } else peer.send({ payload });
    if (thrown % 20 === 19) {
      const before = peer.frames().length;
      peer.send({ opcode: OPCODE.ping });
      await vi.waitFor(() => expect(peer.hasEnded || peer.frames().length > before).toBe(true), {
        timeout: 10_000,
        interval: 2,
      });
      for (const frame of peer.heard()) expect(frame.code, JSON.stringify(frame)).not.toBe('internal');
      if (thrown % 400 === 399) peer.destroy();
      peer = await openPeer(peer);
    }
  }
  peer.destroy();
}

async function throwBodies(count: number, chance: Chance): Promise<void> {
  for (let thrown = 0; thrown < count; thrown += 1) {
    const [method, path, body] = chance.pick(validRequests());
    const mutant = method === 'GET' || chance.between(0, 7) === 0 ? encoded(mutate(path, chance)) : path;
    const token = chance.between(0, 19) === 0 ? encoded(mutate(eve.accessToken, chance)) : eve.accessToken;
    const answer = await fetch(server.url + API_PREFIX + mutant, {
      method,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      ...(method === 'GET' ? {} : { body: mutateBytes(JSON.stringify(body), chance) }),
    });
    const text = await answer.text();
    expect(answer.status, `${method} ${mutant}: ${text}`).toBeLessThan(500);
    // A head that is too large never reaches the application.
    if (answer.status < 400 || answer.status === 431) continue;
    expect(JSON.parse(text), `${method} ${mutant}`).toMatchObject({ status: answer.status, code: expect.any(String) });
  }
}

/** As much of a text as an address can carry. */
const encoded = (text: string) =>
  text.slice(0, 1_000).replace(/[^!-~]/gu, (character) => encodeURIComponent(character.toWellFormed()));

/** Two people who talk to each other until they are told to stop; gives what the log must then hold. */
async function talk(): Promise<() => Promise<void>> {
  const [ana, bob] = await Promise.all([register(server.url), register(server.url)]);
  const { id: channelId } = await ana.ask('POST', '/channels', {
    name: newId(),
    kind: 'private',
    members: [bob.username],
  });
  const sockets = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, bob)]);
  const sent: string[] = [];
  let isOver = false;
  let slowest = 0;
  const talking = sockets.map(async (socket, speaker) => {
    for (let said = 0; !isOver; said += 1) {
      const body = `${speaker}.${said}`;
      const started = performance.now();
      expect(await socket.ask({ type: 'send', id: newId(), channelId, body })).toMatchObject({ type: 'ok' });
      slowest = Math.max(slowest, performance.now() - started);
      sent.push(body);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(talking);
    for (const socket of sockets) {
      await vi.waitFor(() => {
        const bodies = socket.entries(channelId).flatMap(({ event }) => event.message?.body ?? []);
        expect(bodies.toSorted()).toEqual(sent.toSorted());
      });
      const seqs = socket.entries(channelId).map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.map((_, index) => seqs[0] + index));
      expect(socket.closed).toBeNull();
    }
    expect(sent.length).toBeGreaterThan(100);
    expect(slowest).toBeLessThan(2_000);
    for (const socket of sockets) socket.close();
  };
}

test(`[D1] [D2] ten thousand mutated frames and bodies harm neither the server nor two people who talk (seed ${SEED})`, async () => {
  const stopTalking = await talk();
  const chance = chanceOf(SEED);
  const throwPart = (part: number) =>
    Promise.all([
      ...Array.from({ length: 4 }, () =>
        throwFrames(Math.ceil((FRAMES * part) / 4), chanceOf(chance.between(0, 2 ** 32 - 1))),
      ),
      ...Array.from({ length: 2 }, () =>
        throwBodies(Math.ceil((BODIES * part) / 2), chanceOf(chance.between(0, 2 ** 32 - 1))),
      ),
    ]);
  await throwPart(WARM_UP);
  const before = await residentBytes();
  await throwPart(1 - WARM_UP);
  await stopTalking();
  const after = await residentBytes();

  expect(after - before).toBeLessThan(MOST_GROWTH);
  expect(await metric('parley_gaps_total')).toBe(0);
  expect(server.output()).not.toMatch(/"level":"(error|fatal)"|Unhandled|at .*\.ts:\d+/);
  expect((await requestJson(server.url, 'GET', '/me', undefined, eve.accessToken)).status).toBe(200);
  expect(await server.stop('SIGTERM')).toBe(0);
}, 90_000);
