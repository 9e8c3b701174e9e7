import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../telemetry/logger.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { RawSocket, register, requestJson } from '../test/people.ts';
import { RawPeer, upgradeRequest } from '../test/raw-peer.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

const LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[(INFO|WARNING)\] \[api_logger\] \[[a-z-]+:[1-9]\d*\] - (.+)$/;

let folder: string;
let server: TestServer;
let processLines: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-test-'));
  processLines = [];
  server = await startTestServer({
    folder,
    clock: new FakeClock(),
    logger: createLogger({ level: 'trace', format: 'json' }, { write: (line) => processLines.push(line) }),
    env: { PARLEY_THROTTLE_MESSAGES: '2/60s', PARLEY_THROTTLE_SIGN_IN: '100/60s' },
  });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Every line of the API log, once the server has closed it. */
async function lines(): Promise<string[]> {
  await server.close();
  const text = readFileSync(join(folder, 'logs/api_requests.log'), 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

/** The events of sockets, in their exact form but for the time and the place. */
async function socketEvents(): Promise<string[]> {
  return (await lines()).flatMap((line) => {
    const [, level, text] = LINE.exec(line) ?? [];
    expect(text, line).toBeDefined();
    return text?.startsWith('API CALL') ? [] : [`${level} ${text}`];
  });
}

test('a socket’s life is told line by line, in exactly the form that was promised', async () => {
  const [ana, bob] = [await register(server.url, 'username1'), await register(server.url, 'username2')];
  const general = await ana.ask('POST', '/channels', { name: 'general', kind: 'public', members: [bob.username] });
  const direct = await ana.ask('POST', '/conversations', { usernames: [bob.username] });

  const anas = await RawSocket.signedIn(server.url, ana);
  const bobs = await RawSocket.signedIn(server.url, bob);
  await anas.ask({ type: 'send', id: newId(), channelId: general.id, body: 'x'.repeat(50) });
  await ana.ask('POST', `/channels/${direct.id}/messages`, { id: newId(), body: 'four' });
  await anas.ask({ type: 'send', id: newId(), channelId: general.id, body: 'one too many' });
  await ana.request('POST', `/channels/${direct.id}/messages`, { id: newId(), body: 'another' });
  bobs.webSocket.close(1000);
  await bobs.closing();

  const stranger = new RawSocket(server.url);
  await stranger.opened();
  stranger.send({ type: 'hello', ref: 1, token: 'forged' });
  await stranger.closing();
  const confused = new RawSocket(server.url);
  await confused.opened();
  confused.send('GET / HTTP/1.1');
  await confused.closing();
  const page = new RawPeer(server.url);
  page.write(upgradeRequest(server.url, { Origin: 'https://evil.example' }));
  await page.ended();

  await ana.ask('POST', '/auth/logout');
  await anas.closing();

  const room = `chat_direct_${direct.id.slice(-8)}`;
  expect(await socketEvents()).toEqual([
    'INFO WS CONNECTION ACCEPTED: User username1 connected from 127.0.0.1.',
    'INFO WS CONNECTION ACCEPTED: User username2 connected from 127.0.0.1.',
    'INFO WS MESSAGE RECEIVED: User username1 sent message (len: 50) to room chat_general.',
    `INFO MESSAGE BROADCAST: Message ${general.head + 1} of room chat_general sent to 2 connections.`,
    `INFO MESSAGE BROADCAST: Message ${direct.head + 1} of room ${room} sent to 2 connections.`,
    'WARNING THROTTLED: User username1 exceeded message limit in room chat_general.',
    `WARNING THROTTLED: User username1 exceeded message limit in room ${room}.`,
    'INFO WS DISCONNECTED: User username2 with code 1000.',
    'WARNING WS CONNECTION DENIED (4401): invalid_token, from 127.0.0.1.',
    'WARNING WS CONNECTION DENIED (4400): malformed_json, from 127.0.0.1.',
    'WARNING WS CONNECTION DENIED (403): origin_refused, from 127.0.0.1.',
    'INFO WS DISCONNECTED: User username1 with code 4403.',
  ]);
});

test('what people write neither breaks a line nor reaches the log: no token, password or message', async () => {
  const canaries = { password: 'canary-password-7741', body: 'canary-body-7741', url: 'canary-url-7741' };
  const post = (path: string, body: unknown) => requestJson(server.url, 'POST', path, body);
  await post('/auth/register', { username: 'username1', password: canaries.password });
  const { body: session } = await post('/auth/login', { username: 'username1', password: canaries.password });
  await post('/auth/login', { username: 'username1\r\n2026-10-02 INFO forged', password: `${canaries.password}x` });
  await post('/auth/login', { username: canaries.password, password: [canaries.password] });
  const { body: renewed } = await post('/auth/refresh', { refreshToken: session.refreshToken });
  const ana = { ...(await register(server.url, 'username2')), accessToken: session.accessToken };
  const name = 'x\u0301 | Status: 200 | \u{1f9a6}"\\u000a%0a';
  const { status, body: channel } = await requestJson(
    server.url,
    'POST',
    '/channels',
    { name, kind: 'public' },
    session.accessToken,
  );
  expect(status).toBe(201);
  await requestJson(
    server.url,
    'GET',
    `/channels/%0d%0a%1b[2J%e2%80%ae?token=${canaries.url}`,
    undefined,
    session.accessToken,
  );
  await requestJson(server.url, 'GET', `/messages/${'x'.repeat(5_000)}`, undefined, session.accessToken);

  const socket = await RawSocket.signedIn(server.url, ana);
  for (const body of [canaries.body, `${canaries.body}\r\n2026-10-02 07:00:00,000 [INFO] forged`, '']) {
    await socket.ask({ type: 'send', id: newId(), channelId: channel.id, body });
  }
  await socket.ask({ type: 'auth', token: `${canaries.url}.${session.accessToken}` });
  socket.send(`{"type":"${canaries.body}","ref":1}`);
  socket.send(`${canaries.body} is not JSON`);
  const other = new RawSocket(server.url, { headers: { Authorization: `Bearer ${canaries.url}` } });
  await other.opened();
  await other.ask({ type: 'hello' });
  const peer = new RawPeer(server.url);
  peer.write(upgradeRequest(server.url, { Origin: canaries.url }, `/api/v1/socket?token=${session.accessToken}`));
  await peer.ended();
  socket.close();

  const api = await lines();
  for (const line of api) expect(line).toMatch(LINE);
  const everything = [...api, ...processLines].join('\n');
  expect(everything).toContain('WS MESSAGE RECEIVED: User username1');
  for (const secret of [
    ...Object.values(canaries),
    session.accessToken,
    session.refreshToken,
    renewed.accessToken,
    renewed.refreshToken,
  ]) {
    expect(everything).not.toContain(secret);
  }
  expect(everything).not.toContain('forged');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  expect(api.join('\n')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
});
