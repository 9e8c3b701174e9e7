import { ERRORS, endpoints, newId, Problem, SignedIn, User } from '@parley/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, METRICS_TOKEN, type TestApp } from '../test/test-app.ts';

let server: TestApp;
let token: string;
let channelId: string;

beforeAll(async () => {
  server = await createTestApp();
  const registered = await server.send('POST', '/auth/register', {
    body: { username: 'xenia', password: 'lavender teapot' },
  });
  token = SignedIn.parse(await registered.json()).accessToken;
  const created = await server.send('POST', '/channels', { token, body: { name: 'general', kind: 'public' } });
  channelId = ((await created.json()) as { id: string }).id;
});

afterAll(() => server.close());

async function problemIn(response: Response): Promise<Problem> {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  const problem = Problem.parse(await response.json());
  expect(problem).toMatchObject({
    type: `urn:parley:problem:${problem.code}`,
    status: response.status,
    title: ERRORS[problem.code].title,
    requestId: response.headers.get('X-Request-Id'),
  });
  return problem;
}

function post(
  path: string,
  body: RequestInit['body'],
  headers: Record<string, string> = {},
): Promise<Response> | Response {
  const init = { method: 'POST', headers: { Authorization: `Bearer ${token}`, ...headers }, body, duplex: 'half' };
  return server.app.request(`/api/v1${path}`, init as RequestInit);
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

test('the signed-in person is answered as the protocol says', async () => {
  const response = await server.send('GET', '/me', { token });
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('application/json');
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  expect(User.parse(await response.json())).toMatchObject({ username: 'xenia', role: 'owner' });
});

test('every endpoint of the protocol is served, and asks who is there where it says so', async () => {
  for (const endpoint of Object.values(endpoints)) {
    const path = endpoint.path.replace(/\{\w+\}/g, newId());
    const response = await server.send(endpoint.method, path);
    const { code } = await problemIn(response);
    if (endpoint.auth === 'bearer') expect(code, endpoint.path).toBe('not_authenticated');
    else expect(['validation_failed', 'invalid_token'], endpoint.path).toContain(code);
  }
});

test.each([
  ['no type', {}, 415, 'unsupported_media_type'],
  ['text', { 'Content-Type': 'text/plain' }, 415, 'unsupported_media_type'],
  ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
  ['something behind the type', { 'Content-Type': 'application/json x' }, 415, 'unsupported_media_type'],
  ['a tab behind the type', { 'Content-Type': 'application/json\tx' }, 415, 'unsupported_media_type'],
  ['a longer type', { 'Content-Type': 'application/jsonp' }, 415, 'unsupported_media_type'],
  ['two types', { 'Content-Type': 'application/json, text/plain' }, 415, 'unsupported_media_type'],
  ['another charset', { 'Content-Type': 'application/json; charset=utf-16' }, 415, 'unsupported_media_type'],
  ['a compressed body', { ...JSON_TYPE, 'Content-Encoding': 'gzip' }, 415, 'unsupported_media_type'],
])('a body with %s is refused', async (_, headers, status, code) => {
  // Bytes, so that no type is made up for them.
  const response = await post('/channels', new TextEncoder().encode('{"name":"x","kind":"public"}'), headers);
  expect(response.status).toBe(status);
  expect((await problemIn(response)).code).toBe(code);
});

test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
  'a body of the type %s is read',
  async (type) => {
    const response = await post(`/channels/${channelId}/read`, '{"seq":0}', { 'Content-Type': type });
    expect(response.status).toBe(200);
  },
);

test.each([
  ['not JSON', '{"name":'],
  ['a bare word', 'undefined'],
  ['NaN', '{"seq":NaN}'],
  ['invalid UTF-8', new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
  ['UTF-16', new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])],
  ['two values', '{}{}'],
])('a body that is %s is malformed', async (_, body) => {
  const response = await post('/channels', body, JSON_TYPE);
  expect((await problemIn(response)).code).toBe('malformed_json');
});

test.each([
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['a number', '1e400'],
  ['a text', '"general"'],
  ['100,000 brackets', '['.repeat(30_000) + ']'.repeat(30_000)],
  ['100,000 brackets in a field', `{"name":${'['.repeat(30_000)}${']'.repeat(30_000)},"kind":"public"}`],
  ['__proto__', '{"__proto__":{"name":"x","kind":"public"}}'],
  ['__proto__ beside the rest', '{"name":"x","kind":"public","__proto__":{"admin":true}}'],
  ['constructor', '{"name":"x","kind":"public","constructor":{"prototype":{"admin":true}}}'],
  ['a field too many', '{"name":"x","kind":"public","createdBy":"somebody"}'],
  ['a query object', '{"name":{"$ne":1},"kind":"public"}'],
  ['a list for a text', '{"name":["x"],"kind":"public"}'],
  ['a lone surrogate beyond the limit', JSON.stringify({ name: '\ud800'.repeat(100), kind: 'public' })],
  ['a huge number', '{"name":1e308,"kind":"public"}'],
])('a body of %s is refused by its schema', async (_, body) => {
  const response = await post('/channels', body, JSON_TYPE);
  expect(response.status).toBe(400);
  const problem = await problemIn(response);
  expect(problem.code).toBe('validation_failed');
  expect(problem.errors?.length).toBeGreaterThan(0);
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
});

test('100,000 brackets are refused before they are parsed, for they are too many bytes', async () => {
  const body = '['.repeat(100_000);
  expect((await problemIn(await post('/channels', body, JSON_TYPE))).code).toBe('payload_too_large');
});

test('the errors name the fields, without repeating what was in them', async () => {
  const body = { name: '', kind: 'secret-kind', members: ['x', 'yolanda', 'a b'] };
  const problem = await problemIn(await server.send('POST', '/channels', { token, body }));
  expect(problem.errors).toEqual([
    { path: 'name', message: 'may not be empty' },
    { path: 'kind', message: 'needs "public" or "private"' },
    { path: 'members.0', message: expect.stringContaining('needs 3 to 32') },
    { path: 'members.2', message: expect.stringContaining('needs 3 to 32') },
  ]);
  expect(JSON.stringify(problem)).not.toContain('secret-kind');
});

test('a body above 64 KiB is refused by its announced length', async () => {
  const response = await post('/channels', JSON.stringify({ name: 'x'.repeat(65_536) }), {
    ...JSON_TYPE,
    'Content-Length': '65547',
  });
  expect(response.status).toBe(413);
  expect((await problemIn(response)).code).toBe('payload_too_large');
});

test('a body above 64 KiB is refused while it comes in, when it announces no length', async () => {
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 1_024;
      controller.enqueue(new Uint8Array(1_024).fill(0x20));
    },
  });
  const response = await post('/channels', endless, JSON_TYPE);
  expect((await problemIn(response)).code).toBe('payload_too_large');
  expect(sent).toBeLessThan(80 * 1_024);
});

test.each([
  ['before=-1'],
  ['before=1e9'],
  ['before=NaN'],
  ['before=1&before=2'],
  ['before=1&after=2'],
  ['limit=0'],
  ['limit=101'],
  ['limit=1000000000000000000'],
  ['limit[$gt]=1'],
  ['offset=10'],
  ['__proto__=1'],
  ['before=%00'],
  ['before=%E0%A4%A'],
])('the query %s is refused', async (query) => {
  const problem = await problemIn(await server.send('GET', `/channels/${channelId}/messages?${query}`, { token }));
  expect(problem.code).toBe('validation_failed');
});

test.each([
  ['no header', {}],
  ['no scheme', (valid: string) => ({ Authorization: valid })],
  ['Basic', (valid: string) => ({ Authorization: `Basic ${valid}` })],
  ['two tokens', (valid: string) => ({ Authorization: `Bearer ${valid}, Bearer ${valid}` })],
  ['another header', (valid: string) => ({ 'X-Access-Token': valid })],
  ['a cookie', (valid: string) => ({ Cookie: `access_token=${valid}; parley_refresh=${valid}` })],
])('an access token is not looked for in %s', async (_, headers) => {
  const response = await server.send('GET', '/me', {
    headers: typeof headers === 'function' ? headers(token) : headers,
  });
  expect((await problemIn(response)).code).toBe('not_authenticated');
  expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
});

test('an access token in the address is ignored', async () => {
  const response = await server.send('GET', `/me?access_token=${token}&token=${token}`);
  expect((await problemIn(response)).code).toBe('not_authenticated');
});

test('a token that is not ours is invalid, and the scheme may be written in any case', async () => {
  expect((await problemIn(await server.send('GET', '/me', { token: 'not.a.token' }))).code).toBe('invalid_token');
  const response = await server.send('GET', '/me', { headers: { Authorization: `bearer ${token}` } });
  expect(response.status).toBe(200);
});

test('an address that does not exist is a problem, below /api as elsewhere', async () => {
  for (const path of ['/api', '/api/', '/api/v1', '/api/v2/me', '/api/v1/me/', '/api/v1/nothing', '/nothing']) {
    expect((await problemIn(await server.app.request(path))).code, path).toBe('not_found');
  }
});

test.each([
  ['PUT', '/api/v1/me', 'GET, HEAD'],
  ['DELETE', '/api/v1/me', 'GET, HEAD'],
  ['POST', '/api/v1/me', 'GET, HEAD'],
  ['OPTIONS', '/api/v1/auth/login', 'POST'],
  ['GET', '/api/v1/auth/login', 'POST'],
  ['HEAD', '/api/v1/auth/login', 'POST'],
  ['PUT', '/api/v1/channels', 'GET, POST, HEAD'],
  ['POST', '/livez', 'GET, HEAD'],
  ['POST', '/', 'GET, HEAD'],
])('%s %s is not allowed, and the answer says what is', async (method, path, allowed) => {
  const response = await server.app.request(path, { method });
  expect(response.status).toBe(405);
  expect(response.headers.get('Allow')).toBe(allowed);
  if (method !== 'HEAD') expect((await problemIn(response)).code).toBe('method_not_allowed');
});

test('HEAD is answered as GET, without the body', async () => {
  const response = await server.send('HEAD', '/me', { token });
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('application/json');
  expect(await response.text()).toBe('');
});

test.each([
  '//api/v1/me',
  '/api//v1/me',
  '/api/v1//me',
  '/API/v1/me',
  '/api/v1/ME',
  '/api/v1/me;x',
  '/api/v1/me%2f',
  '/api%2fv1/me',
  '/api/v1%5cme',
  '/api/v1/..;/me',
  '/api/v1/me%00',
  '/api/v1/me%0a',
])('%s is no other way to a guarded address', async (path) => {
  const response = await server.app.request(new Request(`http://localhost${path}`));
  expect([401, 404]).toContain(response.status);
  expect(await response.text()).not.toContain('xenia');
});

test.each(['/api/v1/./me', '/api/v1/x/../me', '/api/v1/x/%2e%2e/me', '/api/v1/%6de'])(
  '%s is decided as the plain address is',
  async (path) => {
    expect((await problemIn(await server.app.request(path))).code).toBe('not_authenticated');
  },
);

test('every answer tells the browser what to refuse, and is never shared with other origins', async () => {
  const paths = ['/api/v1/me', '/api/v1/nothing', '/livez', '/', '/api/docs', '/api/v1/openapi.json'];
  for (const path of paths) {
    const { headers } = await server.app.request(path, { headers: { Origin: 'https://evil.example' } });
    const policy = headers.get('Content-Security-Policy');
    for (const rule of ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      expect(policy, path).toContain(rule);
    }
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Referrer-Policy')).toBe('no-referrer');
    expect(headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin');
    expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
    expect(headers.get('X-Request-Id'), path).toMatch(/^[\w-]{1,64}$/);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect(headers.get('Server')).toBeNull();
    expect(headers.get('X-Powered-By')).toBeNull();
  }
});

test('a request id that was sent along is kept, one that could do harm is not', async () => {
  const idOf = async (given: string) =>
    (await server.app.request('/livez', { headers: { 'X-Request-Id': given } })).headers.get('X-Request-Id');
  expect(await idOf('trace-42_a')).toBe('trace-42_a');
  for (const given of ['a b', 'a"b', '{"a":1}', 'x'.repeat(65), '\u00e4']) expect(await idOf(given)).not.toBe(given);
});

test('a failure that nobody foresaw is logged with its stack and told to nobody', async () => {
  const broken = await createTestApp();
  const store = {
    ...broken.services.store,
    findSession: () => Promise.reject(new Error('the secret of the database')),
  };
  const other = await createTestApp({ services: { store } });
  try {
    const response = await other.send('GET', '/me', { token });
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).not.toContain('secret of the database');
    const { code, requestId, detail } = JSON.parse(text) as Problem;
    expect({ code, detail }).toEqual({ code: 'internal', detail: undefined });
    const line = other.logLines.find((logged) => logged.includes(requestId));
    expect(line).toContain('the secret of the database');
    expect(line).toContain('app.test.ts');
  } finally {
    await Promise.all([broken.close(), other.close()]);
  }
});

test('a handler that takes too long is answered for', async () => {
  const slow = await createTestApp();
  const store = { ...slow.services.store, listMyChannels: () => new Promise<never>(() => {}) };
  const other = await createTestApp({ services: { store }, timeLimitMs: 20 });
  try {
    const { accessToken } = (await (
      await slow.send('POST', '/auth/register', { body: { username: 'yolanda', password: 'lavender teapot' } })
    ).json()) as SignedIn;
    const response = await other.send('GET', '/channels', { token: accessToken });
    expect(response.status).toBe(504);
    expect((await problemIn(response)).code).toBe('timeout');
  } finally {
    await Promise.all([slow.close(), other.close()]);
  }
});

test('each REST call is one line of the API log, without its query', async () => {
  await server.send('GET', `/me?token=${token}`, { token });
  expect(server.apiLines.at(-1)).toMatch(/^API CALL: GET \/api\/v1\/me \| User: xenia \| Status: 200 \| [\d.]+ ms$/);
  await server.send('GET', '/a%0ab%1b');
  expect(server.apiLines.at(-1)).toMatch(/^API CALL: GET \/api\/v1\/a%0ab%1b \| User: - \| Status: 404 \| [\d.]+ ms$/);
  await server.send('POST', '/auth/login', { body: { username: 'Xenia', password: 'lavender teapot' } });
  expect(server.apiLines.at(-1)).toMatch(/POST \/api\/v1\/auth\/login \| User: xenia \| Status: 200/);
});

test('durations are counted by the pattern of the path', async () => {
  await server.send('GET', `/channels/${channelId}`, { token });
  await server.send('GET', `/nothing/${channelId}`, { token });
  const text = await server.services.metrics.render();
  expect(text).toContain('route="/api/v1/channels/{id}",status="200"');
  expect(text).toContain('route="unmatched",status="404"');
  expect(text).not.toContain(channelId);
});

test('metrics are shown to whoever brings the token', async () => {
  const ask = (headers: Record<string, string>) => server.app.request('/metrics', { headers });
  const response = await ask({ Authorization: `Bearer ${METRICS_TOKEN}` });
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toContain('text/plain');
  expect(await response.text()).toContain('parley_gaps_total 0');
  for (const wrong of [{}, { Authorization: METRICS_TOKEN }, { Authorization: `Bearer ${METRICS_TOKEN}x` }]) {
    expect((await ask(wrong as Record<string, string>)).status).toBe(404);
  }
});

test('the descriptions of the API and its page are served from here alone', async () => {
  const openApi = (await (await server.app.request('/api/v1/openapi.json')).json()) as { openapi: string };
  expect(openApi.openapi).toMatch(/^3\.1\./);
  const asyncApi = (await (await server.app.request('/api/v1/asyncapi.json')).json()) as { asyncapi: string };
  expect(asyncApi.asyncapi).toBe('3.0.0');

  const page = await (await server.app.request('/api/docs')).text();
  const addresses = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address as string);
  for (const address of addresses.filter((one) => !one.startsWith('data:'))) {
    expect(address).toMatch(/^\/api\/docs\//);
    expect((await server.app.request(address)).status, address).toBe(200);
  }
});
