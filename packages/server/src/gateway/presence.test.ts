import { newId, type PresenceState } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Frame, type Person, RawSocket, register, signIn } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let server: TestServer;
const sockets: RawSocket[] = [];

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  for (const socket of sockets) socket.close();
  await server.close();
});

async function connected(person: Person): Promise<RawSocket> {
  const socket = await RawSocket.signedIn(server.url, person);
  sockets.push(socket);
  return socket;
}

/** Somebody's socket that watches people. */
async function watcherOf(...userIds: string[]): Promise<RawSocket> {
  const socket = await connected(await register(server.url));
  expect(await socket.ask({ type: 'watch', userIds })).toMatchObject({ type: 'ok' });
  await vi.waitFor(() => expect(toldTo(socket).length).toBe(1));
  return socket;
}

const toldTo = ({ frames }: RawSocket): Record<string, PresenceState>[] =>
  frames.flatMap((frame: Frame) => (frame.type === 'presence' ? [frame.states] : []));

/** What a socket knows of somebody by now. */
const shownTo = (socket: RawSocket, { id }: { readonly id: string }) => Object.assign({}, ...toldTo(socket))[id];

/** Waits until somebody is shown as that, at most the 2 s that rule P1 gives. */
async function becomes(socket: RawSocket, person: Person, state: PresenceState): Promise<void> {
  await vi.waitFor(() => expect(shownTo(socket, person)).toBe(state), { timeout: 2_000, interval: 5 });
}

describe('presence over the socket', () => {
  test('[P1] a watch is answered by ok, and then by what everybody is', async () => {
    const [ana, bob] = await Promise.all([register(server.url), register(server.url)]);
    await connected(ana);
    const nobody = newId();
    const socket = await watcherOf(ana.id, bob.id, nobody);
    expect(socket.frames.slice(-2)).toEqual([
      { type: 'ok', ref: expect.any(Number) },
      { type: 'presence', states: { [ana.id]: 'online', [bob.id]: 'offline', [nobody]: 'offline' } },
    ]);
  });

  test('[P1] whoever arrives, rests, wakes and goes is seen to, with all devices counted together', async () => {
    const ana = await register(server.url);
    const socket = await watcherOf(ana.id);
    const [desk, phone] = [await connected(ana), await connected(await signIn(server.url, ana.username))];
    await becomes(socket, ana, 'online');
    await desk.ask({ type: 'active', active: false });
    await phone.ask({ type: 'active', active: false });
    await becomes(socket, ana, 'away');
    await phone.ask({ type: 'active', active: true });
    await becomes(socket, ana, 'online');
    phone.webSocket.close(1001);
    await becomes(socket, ana, 'away');
    desk.webSocket.close(1001);
    await becomes(socket, ana, 'offline');
    expect(toldTo(socket).map((states) => states[ana.id])).toEqual([
      ...['offline', 'online', 'away', 'online', 'away', 'offline'],
    ]);
  });

  test('[P1] a page that is loaded anew is not seen to go', async () => {
    const ana = await register(server.url);
    let page = await connected(ana);
    const socket = await watcherOf(ana.id);
    for (let reloads = 0; reloads < 3; reloads += 1) {
      page.webSocket.close(1001);
      await page.closing();
      page = await connected(ana);
    }
    page.webSocket.close(1001);
    await becomes(socket, ana, 'offline');
    expect(toldTo(socket).map((states) => states[ana.id])).toEqual(['online', 'offline']);
  });

  test.each([
    ['signs out', (ana: Person) => ana.request('POST', '/auth/logout')],
    ['takes leave with 1000', (_: Person, socket: RawSocket) => socket.webSocket.close(1000)],
  ])('[P1] whoever %s is seen to go', async (_, leave) => {
    const ana = await register(server.url);
    const own = await connected(ana);
    const socket = await watcherOf(ana.id);
    await leave(ana, own);
    await becomes(socket, ana, 'offline');
  });

  test('[P1] a connection that breaks off without a word is seen to go within 2 s', async () => {
    const ana = await register(server.url);
    const own = await connected(ana);
    const socket = await watcherOf(ana.id);
    own.close();
    await becomes(socket, ana, 'offline');
  });

  test('a list takes the place of the one before; more than 200 people, and what names nobody, are refused', async () => {
    const [ana, bob] = await Promise.all([register(server.url), register(server.url)]);
    const socket = await watcherOf(ana.id);
    await socket.ask({ type: 'watch', userIds: [bob.id, bob.id] });
    await vi.waitFor(() => expect(toldTo(socket)[1]).toEqual({ [bob.id]: 'offline' }));
    for (const userIds of [Array.from({ length: 201 }, newId), ['__proto__'], [null], {}, undefined, 'x']) {
      expect(await socket.ask({ type: 'watch', userIds })).toMatchObject({ type: 'fail', code: 'validation_failed' });
    }
    for (const active of [undefined, 1, 'true', null]) {
      expect(await socket.ask({ type: 'active', active })).toMatchObject({ type: 'fail', code: 'validation_failed' });
    }
    const many = Array.from({ length: 200 }, newId);
    expect(await socket.ask({ type: 'watch', userIds: many })).toMatchObject({ type: 'ok' });
    await vi.waitFor(() => expect(Object.keys(toldTo(socket)[2] ?? {}).sort()).toEqual(many.sort()));
    await connected(bob);
    expect(await socket.ask({ type: 'watch', userIds: [] })).toMatchObject({ type: 'ok' });
    await socket.ask({ type: 'ping' });
    expect(toldTo(socket).length).toBe(3);
  });

  test('the metrics count the people here, and what was told of them', async () => {
    const people = async () => {
      const text = await server.metrics.render();
      return ['online', 'away'].map((state) =>
        Number(text.match(new RegExp(`^parley_people{state="${state}"} (\\d+)$`, 'm'))?.[1]),
      );
    };
    const [online = 0, away = 0] = await people();
    const ana = await register(server.url);
    const [one, other] = [await connected(ana), await connected(ana)];
    expect(await people()).toEqual([online + 1, away]);
    for (const socket of [one, other]) await socket.ask({ type: 'active', active: false });
    expect(await people()).toEqual([online, away + 1]);
    for (const socket of [one, other]) socket.webSocket.close(1000);
    await vi.waitFor(async () => expect(await people()).toEqual([online, away]));
    const text = await server.metrics.render();
    expect(text).toMatch(/^parley_presence_frames_total [1-9]/m);
    expect(text).toMatch(/^parley_other_nodes 0$/m);
  });
});
