import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../test/test-app.ts';
import { createHttpServer } from './http-server.ts';
import { startMetricsServer } from './metrics.ts';

let parts: TestApp;
let server: Server;
let port: number;

beforeAll(async () => {
  parts = await createTestApp();
  server = createHttpServer(parts.app, parts.services.logger);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await parts.close();
});

/** Says these bytes on a connection, and gives back everything that is answered until it ends. */
async function say(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes, 'latin1');
  try {
    return await text(socket);
  } finally {
    socket.destroy();
  }
}

const statusesIn = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

test('the app is served, and counts by the address of the connection', async () => {
  const url = `http://127.0.0.1:${port}/api/v1/auth`;
  const post = (path: string, body: object) =>
    fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  const registered = await post('/register', { username: 'xenia', password: 'lavender teapot' });
  expect(registered.status).toBe(201);
  expect(registered.headers.get('X-Request-Id')).toBeTruthy();
  expect((await registered.json()) as object).toMatchObject({ user: { username: 'xenia' } });
});

test('a body of any length is refused above 64 KiB, and the connection lives or ends, but never hangs', async () => {
  const body = 'x'.repeat(1_000_000);
  const headers = 'Host: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n';
  const announced = await say(
    `POST /api/v1/auth/login HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 100_000)}`,
  );
  expect(statusesIn(announced)).toEqual([413]);
  const chunk = `${(10_000).toString(16)}\r\n${'x'.repeat(10_000)}\r\n`;
  const chunked = await say(
    `POST /api/v1/auth/login HTTP/1.1\r\n${headers}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`,
  );
  expect(statusesIn(chunked)).toEqual([413]);
});

test.each([
  [
    'two lengths',
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    400,
  ],
  [
    'a length and chunks',
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['a bare line feed', 'GET /livez HTTP/1.1\nHost: a\n\n', 400],
  ['a folded header', 'GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n', 400],
  ['no host', 'GET /livez HTTP/1.1\r\n\r\n', 400],
  ['a host that is none', 'GET /livez HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 400],
  ['a backslash in the path', 'GET /api\\v1/me HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n', 400],
  ['more than 16 KiB of headers', `GET /livez HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(16_500)}\r\n\r\n`, 431],
  ['2,100 headers', `GET /livez HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(2_100)}\r\n`, 431],
  ['a method that nobody knows', 'BREW /livez HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['TRACE', 'TRACE /api/v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 405],
])('%s is refused', async (_, bytes, status) => {
  expect(statusesIn(await say(bytes))).toEqual([status]);
});

test('an address with a host of its own is read as one of ours', async () => {
  const answer = await say(
    'GET http://evil.example/api/v1/me HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
  );
  expect(statusesIn(answer)).toEqual([401]);
  expect(answer).not.toContain('evil');
});

test('an upgrade to anything but a WebSocket is answered as a plain request', async () => {
  server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 418 a socket\r\n\r\n'));
  const ask = (upgrade: string) =>
    say(`GET /livez HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: ${upgrade}\r\n\r\n`);
  expect(statusesIn(await ask('h2c'))).toEqual([200]);
  expect(statusesIn(await ask('WebSocket'))).toEqual([418]);
});

test('connections that trickle are ended by the clock', () => {
  expect(server.headersTimeout).toBe(10_000);
  expect(server.requestTimeout).toBe(30_000);
  expect(server.keepAliveTimeout).toBe(5_000);
});

test('metrics may have a port of their own', async () => {
  const metrics = await startMetricsServer({ host: '127.0.0.1', port: 0 }, parts.services.metrics);
  const response = await fetch(`http://127.0.0.1:${metrics.port}/metrics`);
  expect(await response.text()).toContain('parley_connections 0');
  expect((await fetch(`http://127.0.0.1:${metrics.port}/other`)).status).toBe(404);
  await expect(
    startMetricsServer({ host: '127.0.0.1', port: metrics.port }, parts.services.metrics),
  ).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  await metrics.close();
});
