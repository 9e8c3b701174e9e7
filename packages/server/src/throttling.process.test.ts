import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, register } from './test/people.ts';
import { findRedis } from './test/redis-engine.ts';
import { freePort, type ServerProcess, startServerProcess } from './test/server-process.ts';

/** A real server, a real Redis, the limit that is the default: five messages in ten seconds. */
const LIMIT = 5;
const WINDOW_MS = 10_000;

describe('the message limit of a real server with a real Redis', () => {
  let redis: Awaited<ReturnType<typeof findRedis>>;
  let folder: string;
  let server: ServerProcess;
  let person: Person;
  let channelId: string;
  let firstSentAt: number;
  let retryAfterMs: number;
  let toldAt: number;

  beforeAll(async () => {
    redis = await findRedis();
    folder = mkdtempSync(join(tmpdir(), 'parley-throttling-'));
    server = await startServerProcess({
      folder,
      port: await freePort(),
      env: { REDIS_URL: redis.url, PARLEY_THROTTLE_MESSAGES: `${LIMIT}/${WINDOW_MS}ms` },
    });
    person = await register(server.url);
    channelId = (await person.ask('POST', '/channels', { name: newId(), kind: 'private' })).id;
  });
  afterAll(async () => {
    await server.stop('SIGKILL');
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const send = () => person.request('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'hello' });

  test('[T1] calls within the limit pass', async () => {
    const { status } = (await (await fetch(`${server.url}/readyz`)).json()) as { status: string };
    expect(status).toBe('ok');
    firstSentAt = performance.now();
    for (let sent = 0; sent < LIMIT; sent += 1) expect((await send()).status).toBe(201);
  });

  test('[T1] the one beyond is refused, and told when to try again', async () => {
    const answer = await send();
    toldAt = performance.now();
    expect(answer.status).toBe(429);
    expect(answer.body).toMatchObject({ code: 'throttled', retryAfterMs: expect.any(Number) });
    retryAfterMs = answer.body.retryAfterMs;
    const sinceFirst = toldAt - firstSentAt;
    expect(retryAfterMs).toBeLessThanOrEqual(WINDOW_MS);
    expect(retryAfterMs).toBeGreaterThanOrEqual(WINDOW_MS - sinceFirst);
  });

  test('[T1] after the window it passes again', async () => {
    const rest = toldAt + retryAfterMs - performance.now();
    await new Promise((resolve) => setTimeout(resolve, rest - 500));
    expect((await send()).status).toBe(429);
    await new Promise((resolve) => setTimeout(resolve, toldAt + retryAfterMs - performance.now() + 1));
    expect((await send()).status).toBe(201);
  });
});
