import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type PresenceState } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Person, RawSocket, register } from './test/people.ts';
import { openPostgres, type PostgresEngine } from './test/postgres-engine.ts';
import { type OwnRedis, startRedis } from './test/redis-engine.ts';
import { freePort, type ServerProcess, startServerProcess } from './test/server-process.ts';

/** What rule P1 promises. */
const SEEN_WITHIN_MS = 2_000;
const DEAD_WITHIN_MS = 15_000;

/** Two real servers on one PostgreSQL and one Redis, which are ended as tests need. */
let folder: string;
let postgres: PostgresEngine;
let redis: OwnRedis;
let env: Record<string, string>;
let near: ServerProcess;
let far: ServerProcess;
/** Watches from the far node, which lives on. */
let eva: Person;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-presence-'));
  [postgres, redis] = await Promise.all([openPostgres(), startRedis()]);
  const shared = { PARLEY_SECRET: newId() + newId(), PARLEY_FLOOD: 'off' };
  env = { ...shared, DATABASE_URL: await postgres.database(), REDIS_URL: redis.url };
  [near, far] = [await startNode('near'), await startNode('far')];
  eva = await register(far.url);
}, 300_000);
afterAll(async () => {
  await Promise.all([near.stop('SIGKILL'), far.stop('SIGKILL')]);
  await Promise.all([postgres.close(), redis.stop()]);
  rmSync(folder, { recursive: true });
});

async function startNode(name: string): Promise<ServerProcess> {
  return startServerProcess({
    folder,
    port: await freePort(),
    env: { ...env, PARLEY_DATA_DIR: join(folder, name) },
  });
}

/** A socket that watches people, and every state in which it has seen each of them. */
async function watch({ url }: ServerProcess, ...people: readonly Person[]) {
  const socket = await RawSocket.signedIn(url, eva);
  await socket.ask({ type: 'watch', userIds: people.map(({ id }) => id) });
  const seen = ({ id }: Person): PresenceState[] =>
    socket.frames.flatMap((frame) => (frame.type === 'presence' && id in frame.states ? [frame.states[id]] : []));
  return {
    sinceOnline: (person: Person) => seen(person).slice(seen(person).indexOf('online')),
    close: () => socket.close(),
    async sees(person: Person, state: PresenceState, timeout = SEEN_WITHIN_MS) {
      await vi.waitFor(() => expect(seen(person).at(-1)).toBe(state), { timeout, interval: 5 });
    },
  };
}

const arrive = ({ url }: ServerProcess, person: Person) => RawSocket.signedIn(url, person);
const people = () => Promise.all([register(far.url), register(far.url), register(far.url)]);

describe('presence over two servers', () => {
  test('[P1] whoever arrives, rests and goes at one node is seen to at the other within 2 s', async () => {
    const [ana, bob] = await people();
    const watcher = await watch(far, ana, bob);
    const [desk, phone] = [await arrive(near, ana), await arrive(far, ana)];
    await watcher.sees(ana, 'online');
    const laptop = await arrive(near, bob);
    await watcher.sees(bob, 'online', 2 * SEEN_WITHIN_MS);
    await laptop.ask({ type: 'active', active: false });
    await watcher.sees(bob, 'away');
    laptop.webSocket.close(1001);
    await watcher.sees(bob, 'offline');
    desk.webSocket.close(1000);
    await phone.ask({ type: 'active', active: false });
    await watcher.sees(ana, 'away');
    phone.webSocket.close(1001);
    await watcher.sees(ana, 'offline');
    watcher.close();
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    '[P1] a server ended by %s takes its people along within 15 s, but for those who came back elsewhere',
    { concurrent: true },
    async (signal) => {
      const [ana, bob, joe] = await people();
      const watcher = await watch(far, ana, bob, joe);
      const ending = await startNode(signal);
      for (const person of [ana, bob, joe]) await arrive(ending, person);
      for (const person of [ana, bob, joe]) await watcher.sees(person, 'online', 2 * SEEN_WITHIN_MS);
      const ended = ending.stop(signal);
      const [back, resting] = [await arrive(far, ana), await arrive(far, joe)];
      await resting.ask({ type: 'active', active: false });
      await ended;
      await watcher.sees(bob, 'offline', DEAD_WITHIN_MS);
      await watcher.sees(joe, 'away');
      expect(watcher.sinceOnline(ana)).toEqual(['online']);
      expect(watcher.sinceOnline(joe)).toEqual(['online', 'away']);
      for (const socket of [back, resting]) socket.close();
      watcher.close();
    },
  );

  test('[P1] while Redis is dead each server sees its own people come and go, and then all of them again', async () => {
    const [ana, bob, joe] = await people();
    const watcher = await watch(far, ana, bob, joe);
    const desk = await arrive(near, ana);
    await watcher.sees(ana, 'online', 2 * SEEN_WITHIN_MS);
    await redis.kill();
    const local = await arrive(far, bob);
    await watcher.sees(bob, 'online');
    local.webSocket.close(1001);
    await watcher.sees(bob, 'offline');
    const unheard = await arrive(near, joe);
    desk.webSocket.close(1000);
    await desk.closing();
    await redis.start();
    // Until both have found it again, and the one has asked the other what it missed.
    await watcher.sees(joe, 'online', DEAD_WITHIN_MS);
    await watcher.sees(ana, 'offline');
    unheard.close();
    await watcher.sees(joe, 'offline');
    watcher.close();
  });
});
