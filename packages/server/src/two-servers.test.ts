import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MemoryBus } from './bus/memory-bus.ts';
import { lossy, timesInTen } from './delivery/test/node.ts';
import { openStore } from './storage/open-store.ts';
import { type Person, RawSocket, register } from './test/people.ts';
import { startTestServer, type TestServer } from './test/test-server.ts';

/** Two whole servers on one database: each hears of the other's commits by a bus that loses three hints in ten. */
let folder: string;
let near: TestServer;
let far: TestServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-two-'));
  const bus = new MemoryBus();
  const isLost = timesInTen(3);
  const start = async () => {
    const sqlitePath = join(folder, 'data', 'parley.db');
    const store = await openStore({
      storage: { dataDir: folder, sqlitePath, synchronous: 'normal', allowWeakDurability: true },
    });
    return startTestServer({ folder, store, bus: lossy(bus.connect(), isLost), env: { PARLEY_FLOOD: 'off' } });
  };
  near = await start();
  far = await start();
});
afterAll(async () => {
  await Promise.all([near.close(), far.close()]);
  rmSync(folder, { recursive: true });
});

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** The person at the other server: their token is good everywhere. */
const at = (server: TestServer, person: Person) => RawSocket.signedIn(server.url, person);

async function aChannel() {
  const [ana, bob] = await Promise.all([register(near.url), register(far.url)]);
  const channel = await ana.ask('POST', '/channels', { name: newId(), kind: 'private', members: [bob.username] });
  return { ana, bob, channelId: channel.id as string, head: channel.head as number };
}

describe('two servers, a lossy bus between them', () => {
  test('[D1] [D3] [O1] both deliver the same log, whole and in order, whoever sent where', async () => {
    const { ana, bob, channelId, head } = await aChannel();
    const sockets = await Promise.all([at(near, ana), at(far, bob), at(far, ana), at(near, bob)]);
    const sends = from(1, 120).map((number) =>
      sockets[number % 4]?.ask({ type: 'send', id: newId(), channelId, body: `${number}` }),
    );
    const acked = (await Promise.all(sends)).map(({ seq }) => seq as number);
    expect([...acked].sort((a, b) => a - b)).toEqual(from(head + 1, head + 120));
    const started = performance.now();
    for (const socket of sockets) {
      await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === head + 120);
      expect(socket.entries(channelId).map(({ seq }) => seq)).toEqual(from(head + 1, head + 120));
      socket.close();
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('[R1] [S2] what one server acknowledged, the other shows at once and acknowledges again', async () => {
    const { ana, channelId } = await aChannel();
    const id = newId();
    const [here, there] = await Promise.all([at(near, ana), at(far, ana)]);
    const ack = await here.ask({ type: 'send', id, channelId, body: 'once' });
    const page = (await (await fetchAt(far, ana, `/channels/${channelId}/messages`)).json()) as { messages: unknown[] };
    expect(page.messages).toEqual([expect.objectContaining({ id, body: 'once', seq: ack.seq })]);
    expect(await there.ask({ type: 'send', id, channelId, body: 'once' })).toMatchObject({ type: 'ok', seq: ack.seq });
    for (const socket of [here, there]) socket.close();
  });

  test('[A1] who is removed at one server gets nothing after the removal at the other, while others keep sending', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ana, bob, channelId } = await aChannel();
      const [here, there] = await Promise.all([at(near, ana), at(far, bob)]);
      const send = () => here.ask({ type: 'send', id: newId(), channelId, body: 'x' });
      await Promise.all(from(1, 10).map(send));
      const [removed] = await Promise.all([
        ana.request('DELETE', `/channels/${channelId}/members/${bob.id}`),
        ...from(1, 20).map(send),
      ]);
      expect(removed?.status).toBe(204);
      const { entries } = await ana.ask('GET', `/channels/${channelId}/log?limit=500`);
      const removal = entries.find((entry: { event: { type: string } }) => entry.event.type === 'member.removed').seq;
      await there.frame(({ event }) => event?.type === 'membership.removed' && event.channelId === channelId);
      await there.ask({ type: 'ping' });
      expect(there.entries(channelId).every(({ seq }) => seq <= removal)).toBe(true);
      expect((await fetchAt(far, bob, `/channels/${channelId}/log`)).status).toBe(404);
      expect(await there.ask({ type: 'pull', stream: channelId, after: 0 })).toMatchObject({
        code: 'channel_not_found',
      });
      for (const socket of [here, there]) socket.close();
    }
  });

  test('[A2] a sign-out at one server closes that session’s sockets at the other', async () => {
    const person = await register(near.url);
    const socket = await at(far, person);
    await person.ask('POST', '/auth/logout');
    expect((await fetchAt(far, person, '/me')).status).toBe(401);
    expect(await socket.closing()).toMatchObject({ code: 4403 });
  });

  test('[D4] a reader moves from one server to the other and goes on at exactly the next entry', async () => {
    const { ana, bob, channelId, head } = await aChannel();
    const here = await at(near, ana);
    const seen: number[] = [];
    let cursor = head;
    for (const server of [far, near, far, near, far]) {
      const reader = await RawSocket.signedIn(server.url, bob, { cursors: { [channelId]: cursor } });
      const { seq } = await here.ask({ type: 'send', id: newId(), channelId, body: 'x' });
      await reader.frame((frame) => frame.type === 'entry' && frame.seq === seq && frame.stream === channelId);
      reader.close();
      const received = reader.entries(channelId).map((entry) => entry.seq as number);
      seen.push(...received);
      cursor = received.at(-1) ?? cursor;
      await here.ask({ type: 'send', id: newId(), channelId, body: 'while nobody listens' });
    }
    expect(seen).toEqual(from(head + 1, head + 9));
    here.close();
  });

  test('[D1] no server was ever about to send a gap', async () => {
    for (const server of [near, far]) {
      await vi.waitFor(async () => expect(await server.metrics.render()).toMatch(/^parley_\w*gaps?\w* 0$/m));
    }
  });
});

function fetchAt(server: TestServer, person: Person, path: string): Promise<Response> {
  return fetch(`${server.url}/api/v1${path}`, { headers: { Authorization: `Bearer ${person.accessToken}` } });
}
