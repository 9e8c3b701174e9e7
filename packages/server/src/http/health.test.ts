import { expect, test } from 'vitest';
import { createTestApp } from '../test/test-app.ts';

async function ask(path: string, options: Parameters<typeof createTestApp>[0] = {}) {
  const server = await createTestApp(options);
  try {
    const response = await server.app.request(path);
    return { status: response.status, body: await response.json() };
  } finally {
    await server.close();
  }
}

test('a server with a database is alive and ready', async () => {
  expect(await ask('/livez')).toEqual({ status: 200, body: { status: 'ok' } });
  const body = { status: 'ok', checks: { database: true, accepting: true }, warnings: [] };
  expect(await ask('/readyz')).toEqual({ status: 200, body });
});

test('[S1] weaker durability stays visible as a warning', async () => {
  const server = await createTestApp();
  const store = { ...server.services.store, warnings: ['A power cut may lose acknowledged messages.'] };
  const { status, body } = await ask('/readyz', { services: { store } });
  await server.close();
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: 'degraded', warnings: store.warnings });
});

test('what is degraded elsewhere is told, and the server is ready all the same', async () => {
  const warnings = ['Redis is out of reach.'];
  expect(await ask('/readyz', { warnings: () => warnings })).toEqual({
    status: 200,
    body: { status: 'degraded', checks: { database: true, accepting: true }, warnings },
  });
});

test('a server that is stopping is alive, but asks for no more traffic', async () => {
  expect(await ask('/livez', { isDraining: () => true })).toMatchObject({ status: 200 });
  expect(await ask('/readyz', { isDraining: () => true })).toMatchObject({
    status: 503,
    body: { status: 'unavailable', checks: { database: true, accepting: false } },
  });
});

test('a server whose database does not answer within 2 s is not ready', async () => {
  const server = await createTestApp();
  for (const ping of [() => Promise.reject(new Error('gone')), () => new Promise<never>(() => {})]) {
    const store = { ...server.services.store, ping };
    expect(await ask('/readyz', { services: { store } })).toMatchObject({
      status: 503,
      body: { checks: { database: false } },
    });
  }
  await server.close();
});
