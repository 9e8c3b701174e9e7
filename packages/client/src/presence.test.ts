import { fail, newId, type PresenceState } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server/src/test/test-server.ts';
import type { Command } from './frames.ts';
import { createPresences } from './presence.ts';
import { type Device, openDevice } from './test/device.ts';
import { startFaultyProxy } from './test/faulty-proxy.ts';
import { manualTiming, settled } from './test/manual-timing.ts';

const SOON = { timeout: 2_000, interval: 5 };
const QUICKLY = { leastMs: 10, mostMs: 100 };

describe('presence by the SDK, with a real server', () => {
  let server: TestServer;
  const devices: Device[] = [];
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterEach(() => {
    for (const device of devices.splice(0)) device.close();
  });
  afterAll(() => server.close());

  async function aDevice(options: Partial<Parameters<typeof openDevice>[0]> = {}): Promise<Device> {
    const device = await openDevice({ url: server.url, backoff: QUICKLY, listens: false, ...options });
    devices.push(device);
    return device;
  }

  const shown = ({ client }: Device, { user }: Device) => client.getPresence().get(user.id);
  const becomes = (device: Device, other: Device, state: PresenceState | undefined) =>
    expect.poll(() => shown(device, other), SOON).toBe(state);

  test('[P1] whoever is watched is shown as they come, rest, wake and go, and listeners are called', async () => {
    const [ana, bob] = [await aDevice(), await aDevice()];
    const phone = await aDevice({ username: bob.user.username });
    let calls = 0;
    ana.client.subscribe(() => (calls += 1));
    expect(shown(ana, bob)).toBeUndefined();
    ana.client.watch([bob.user.id, ana.user.id]);
    await becomes(ana, bob, 'online');
    expect(shown(ana, ana)).toBe('online');
    expect(ana.client.getPresence()).toBe(ana.client.getPresence());
    const before = calls;
    bob.client.setActive(false);
    phone.client.setActive(false);
    await becomes(ana, bob, 'away');
    expect(calls).toBeGreaterThan(before);
    bob.client.setActive(true);
    await becomes(ana, bob, 'online');
    bob.close();
    await becomes(ana, bob, 'away');
    phone.close();
    await becomes(ana, bob, 'offline');
    await bob.comeBack();
    await becomes(ana, bob, 'online');
    await bob.client.signOut();
    await becomes(ana, bob, 'offline');
  });

  test('[P1] a loss leaves nothing known, and after it all is known again, as is whether somebody is here', async () => {
    const proxy = await startFaultyProxy(server.url);
    const [ana, bob] = [await aDevice({ url: proxy.url }), await aDevice()];
    ana.client.watch([bob.user.id]);
    bob.client.watch([ana.user.id]);
    await becomes(ana, bob, 'online');
    ana.client.setActive(false);
    await becomes(bob, ana, 'away');
    proxy.refuse();
    proxy.cut();
    await expect.poll(() => ana.client.getConnection().status, SOON).not.toBe('online');
    expect(ana.client.getPresence().size).toBe(0);
    bob.client.setActive(false);
    proxy.heal();
    await becomes(ana, bob, 'away');
    await becomes(bob, ana, 'away');
    await proxy.close();
  });

  test('[P1] a client that is told to stop takes leave for good, so that nobody is waited for', async () => {
    const ana = await aDevice();
    const leaves = async () =>
      Number((await server.metrics.render()).match(/^parley_sockets_closed_total{code="1000"} (\d+)$/m)?.[1] ?? 0);
    const before = await leaves();
    ana.close();
    await expect.poll(leaves, SOON).toBe(before + 1);
  });

  test('lists add up, and what nobody watches any more is forgotten', async () => {
    const [ana, bob, eva] = [await aDevice(), await aDevice(), await aDevice()];
    const stopFirst = ana.client.watch([bob.user.id]);
    const stopSecond = ana.client.watch([bob.user.id, eva.user.id]);
    await becomes(ana, eva, 'online');
    expect(shown(ana, bob)).toBe('online');
    stopSecond();
    stopSecond();
    await becomes(ana, eva, undefined);
    expect(shown(ana, bob)).toBe('online');
    stopFirst();
    await becomes(ana, bob, undefined);
  });
});

describe('what is said of presence', () => {
  function aClient(answer: (command: Command) => Promise<void> = async () => {}) {
    const timing = manualTiming();
    const said: Command[] = [];
    const link = { isOnline: true };
    const presences = createPresences({
      async request(command) {
        said.push(command);
        await answer(command);
        return { type: 'ok', ref: 1 };
      },
      isOnline: () => link.isOnline,
      timing,
      backoff: { leastMs: 1_000, mostMs: 1_000 },
      onChange: () => {},
    });
    return { presences, said, timing, link };
  }

  test('calls close together make one request, and the latest 200 people are watched', async () => {
    const { presences, said, timing } = aClient();
    const [early, late] = [Array.from({ length: 150 }, newId), Array.from({ length: 120 }, newId)];
    presences.watch(early);
    presences.watch([...late, ...late]);
    presences.watch([newId()])();
    await timing.pass(50);
    expect(said).toEqual([{ type: 'watch', userIds: [...late, ...early.slice(0, 80)] }]);
    presences.hear({ [early[149] as string]: 'online', [early[0] as string]: 'away' });
    expect([...presences.get()]).toEqual([[early[0], 'away']]);
  });

  test('nothing is said where there is nothing to say, and all is said again on the next connection', async () => {
    const { presences, said, timing, link } = aClient();
    presences.resume();
    presences.setActive(true);
    presences.watch([]);
    await timing.pass(50);
    expect(said).toEqual([]);
    link.isOnline = false;
    const bob = newId();
    presences.watch([bob]);
    presences.setActive(false);
    await timing.pass(1_000);
    expect(said).toEqual([]);
    link.isOnline = true;
    const all = [
      { type: 'active', active: false },
      { type: 'watch', userIds: [bob] },
    ];
    presences.resume();
    expect(said).toEqual(all);
    presences.suspended();
    presences.resume();
    expect(said).toEqual([...all, ...all]);
  });

  test('what could not be done is said again, and what an older server does not know is not', async () => {
    let failure = fail('unavailable');
    const { presences, said, timing } = aClient(async () => {
      throw failure;
    });
    presences.watch([newId()]);
    await timing.pass(50);
    await timing.pass(1_000);
    expect(said.length).toBe(2);
    failure = fail('unknown_frame');
    await timing.pass(1_000);
    await timing.pass(60_000);
    await settled();
    expect(said.length).toBe(3);
  });
});
