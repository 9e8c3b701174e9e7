import { SOCKET_PATH } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Person, RawSocket, register } from '../test/people.ts';
import { RawPeer, upgradeRequest } from '../test/raw-peer.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let server: TestServer;
let ana: Person;
let host: string;

beforeAll(async () => {
  server = await startTestServer({ env: { PARLEY_ALLOWED_ORIGINS: 'https://intranet.example.org' } });
  ana = await register(server.url);
  host = new URL(server.url).host;
});
afterAll(() => server.close());

/** Asks for an upgrade with these headers and gives the status and the problem. */
async function answerTo(headers: Record<string, string>, { path = SOCKET_PATH, url = server.url } = {}) {
  const peer = new RawPeer(url);
  peer.write(upgradeRequest(url, headers, path));
  const head = await peer.head();
  const status = Number(head.split(' ')[1]);
  if (status === 101) peer.destroy();
  else await peer.ended();
  const isProblem = head.includes('application/problem+json');
  return { status, head, problem: isProblem ? JSON.parse(peer.rest) : null };
}

/** The server still takes people in. */
async function expectService(): Promise<void> {
  const socket = await RawSocket.signedIn(server.url, ana);
  expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
  socket.close();
}

describe('the origin of a page', () => {
  test.each([
    ['its own', () => `http://${host}`],
    ['its own behind a proxy that encrypts', () => `https://${host}`],
    ['one that the configuration names', () => 'https://intranet.example.org'],
  ])('may be %s', async (_, origin) => {
    expect((await answerTo({ Origin: origin() })).status).toBe(101);
  });

  test('may be missing: that is no browser', async () => {
    expect((await answerTo({})).status).toBe(101);
  });

  test.each([
    ['a foreign one', () => 'https://evil.example'],
    ['null', () => 'null'],
    ['an empty one', () => ''],
    ['its own and more', () => `http://${host}.evil.example`],
    ['its own as a subdomain', () => `http://${host.replace(':', '.evil.example:')}`],
    ['its own as a name before @', () => `http://${host}@evil.example`],
    ['its own with a path', () => `http://${host}/`],
    ['another port', () => 'http://127.0.0.1:1'],
    ['no port', () => 'http://127.0.0.1'],
    ['another scheme', () => `file://${host}`],
    ['another name of the same machine', () => `http://localhost:${new URL(server.url).port}`],
    ['a subdomain of a named one', () => 'https://evil.intranet.example.org'],
    ['a named one and more', () => 'https://intranet.example.org.evil.example'],
    ['a named one without encryption', () => 'http://intranet.example.org'],
    ['two at once', () => `http://${host}, https://evil.example`],
  ])('is refused with 403 before the upgrade when it is %s', async (_, origin) => {
    const { status, problem } = await answerTo({ Origin: origin(), Authorization: `Bearer ${ana.accessToken}` });
    expect(status).toBe(403);
    expect(problem).toMatchObject({ type: 'urn:parley:problem:origin_refused', code: 'origin_refused', status: 403 });
  });

  test('is that of the public address alone where there is one, whatever Host says', async () => {
    const published = await startTestServer({ env: { PUBLIC_URL: 'https://chat.example.org' } });
    const statusFor = async (headers: Record<string, string>) =>
      (await answerTo(headers, { url: published.url })).status;
    expect(await statusFor({ Origin: 'https://chat.example.org' })).toBe(101);
    expect(await statusFor({ Origin: 'https://evil.example', Host: 'evil.example' })).toBe(403);
    expect(await statusFor({ Origin: 'http://chat.example.org' })).toBe(403);
    await published.close();
  });
});

describe('what is asked for', () => {
  test.each([
    '/',
    '/socket',
    '/api/v1/socket/',
    '/api/v1/Socket',
    '/api/v1/%73ocket',
    '//api/v1/socket',
    '/api/v1/socket/..',
    '/api/v1/x/../socket',
    '/api/v1/me',
    '/metrics',
  ])('at %s is 404: there is no socket there', async (path) => {
    const { status, problem } = await answerTo({}, { path });
    expect(status).toBe(404);
    expect(problem).toMatchObject({ code: 'not_found', status: 404, requestId: expect.any(String) });
  });

  test.each(['other', 'parley.v2', 'PARLEY.V1', 'parley.v1.1', 'chat, superchat'])(
    'in the subprotocol %j is 400',
    async (subprotocol) => {
      const { status, problem } = await answerTo({ 'Sec-WebSocket-Protocol': subprotocol });
      expect(status).toBe(400);
      expect(problem).toMatchObject({ code: 'unsupported_subprotocol' });
    },
  );

  test('in several subprotocols is answered in ours', async () => {
    const { status, head } = await answerTo({ 'Sec-WebSocket-Protocol': 'chat, parley.v1, other' });
    expect(status).toBe(101);
    expect(head).toMatch(/^sec-websocket-protocol: parley\.v1$/im);
    expect(head).not.toMatch(/sec-websocket-extensions/i);
  });

  test('with compression is answered without it', async () => {
    const { status, head } = await answerTo({
      'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=999; client_max_window_bits=-1',
    });
    expect([101, 400]).toContain(status);
    expect(head).not.toMatch(/permessage-deflate/i);
  });

  test.each([
    ['no key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a key too short', { 'Sec-WebSocket-Key': 'abc' }, 400],
    ['an older version', { 'Sec-WebSocket-Version': '7' }, 400],
    ['a version that is none', { 'Sec-WebSocket-Version': 'x' }, 400],
    ['a broken list of subprotocols', { 'Sec-WebSocket-Protocol': 'parley.v1,,' }, 400],
    ['a list of 1,000 subprotocols', { 'Sec-WebSocket-Protocol': `${'x'.repeat(9)},`.repeat(1_000).slice(0, -1) }, 400],
  ])('with %s is refused', async (_, headers, status) => {
    expect((await answerTo(headers as Record<string, string>)).status).toBe(status);
    await expectService();
  });

  test('by POST is refused', async () => {
    const peer = new RawPeer(server.url);
    peer.write(upgradeRequest(server.url).replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n'));
    expect(await peer.head()).toMatch(/^HTTP\/1\.1 40\d /);
    peer.destroy();
  });

  test('by an upgrade to something else is served as if it had not been asked', async () => {
    const peer = new RawPeer(server.url);
    peer.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n`);
    expect(await peer.head()).toContain('200');
    peer.destroy();
  });

  test('by plain HTTP is answered as HTTP', async () => {
    const { status } = await fetch(server.url + SOCKET_PATH);
    expect([404, 405, 426]).toContain(status);
  });
});

describe('a handshake that is meant to hurt', () => {
  const lines = (count: number, value = 'x') =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-${index}`, value]));

  test.each([
    ['2,000 headers', () => lines(2_000, '')],
    ['a header of 64 KiB', () => ({ 'X-Long': 'x'.repeat(65_536) })],
    ['a subprotocol of 12 KiB', () => ({ 'Sec-WebSocket-Protocol': 'x'.repeat(12_000) })],
    ['a token of 12 KiB', () => ({ Authorization: `Bearer ${'x'.repeat(12_000)}` })],
    ['an origin of 12 KiB', () => ({ Origin: `https://${'x'.repeat(12_000)}` })],
  ])('with %s is answered at once, and others are served', async (_, headers) => {
    const { status } = await answerTo(headers(), { path: SOCKET_PATH }).catch(() => ({ status: 431 }));
    expect([101, 400, 403, 431]).toContain(status);
    await expectService();
  });

  test.each([
    ['a bare line feed', 'GET /api/v1/socket HTTP/1.1\nHost: x\n\n'],
    ['a folded header', 'GET /api/v1/socket HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n'],
    ['two lengths', 'GET /api/v1/socket HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    [
      'a length and chunks',
      'POST /api/v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['a NUL', 'GET /api/v1/socket HTTP/1.1\r\nHost: x\r\nX-A: \u0000\r\n\r\n'],
    ['bytes of TLS', Buffer.from('1603010200010001fc0303', 'hex').toString('latin1')],
  ])('with %s is 400, and others are served', async (_, text) => {
    const peer = new RawPeer(server.url);
    peer.write(Buffer.from(text, 'latin1'));
    expect(await peer.head()).toMatch(/^HTTP\/1\.1 400 /);
    await peer.ended();
    await expectService();
  });

  test('by a hundred who trickle it byte by byte holds up nobody', async () => {
    const peers = Array.from({ length: 100 }, () => new RawPeer(server.url));
    for (const peer of peers) for (const byte of 'GET /api/v1/socket HTT') peer.write(byte);
    const started = performance.now();
    await expectService();
    expect(performance.now() - started).toBeLessThan(2_000);
    for (const peer of peers) peer.destroy();
  });

  test('and is refused ends, also when the other end never closes', async () => {
    const peer = new RawPeer(server.url);
    // The other end is told that the answer is over, and answers nothing: it must be cut off.
    peer.socket.allowHalfOpen = true;
    peer.write(upgradeRequest(server.url, { Origin: 'https://evil.example' }));
    expect(await peer.head()).toContain('403');
    const isCutOff = () => {
      peer.write('x');
      expect(peer.hasEnded).toBe(true);
    };
    await vi.waitFor(isCutOff, { timeout: 3_000 });
  });
});

describe('a server that is closing', () => {
  test('answers an upgrade with 503 while it still waits for others', async () => {
    const closing = await startTestServer();
    const person = await register(closing.url);
    const mute = await RawPeer.upgraded(closing.url);
    mute.say({ type: 'hello', ref: 1, token: person.accessToken });
    await vi.waitFor(() => expect(mute.heard()).toHaveLength(1));

    const late = new RawPeer(closing.url);
    const request = upgradeRequest(closing.url);
    late.write(request.slice(0, -2));
    // A round trip later the server has seen what was sent before it.
    await fetch(`${closing.url}/livez`);
    const closed = closing.close();
    expect(await mute.closeCode()).toBe(1012);
    late.write(request.slice(-2));
    expect(await late.head()).toMatch(/^HTTP\/1\.1 503 /);
    expect(late.rest).toContain('"unavailable"');
    mute.destroy();
    await closed;
  });
});
