import { hash, parseOptions } from '@node-rs/argon2';
import { type Problem, SignedIn } from '@parley/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../../test/test-app.ts';

const PASSWORD = 'lavender teapot';

let server: TestApp;

beforeEach(async () => {
  server = await createTestApp();
});

afterEach(() => server.close());

async function signedIn(response: Response): Promise<SignedIn & { refreshToken: string }> {
  expect([200, 201], await response.clone().text()).toContain(response.status);
  return SignedIn.parse(await response.json()) as SignedIn & { refreshToken: string };
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as Problem).code;
}

const register = (username: string, more: object = {}) =>
  server.send('POST', '/auth/register', { body: { username, password: PASSWORD, ...more } });
const signIn = (username: string, password = PASSWORD, headers = {}) =>
  server.send('POST', '/auth/login', { body: { username, password }, headers });
const refresh = (refreshToken: string) => server.send('POST', '/auth/refresh', { body: { refreshToken } });
const statusOfMe = async (token: string) => (await server.send('GET', '/me', { token })).status;

test('whoever registers is signed in, and the first one owns the workspace', async () => {
  const response = await register('Xenia', { displayName: ' Xenia  ' });
  expect(response.status).toBe(201);
  const { user, accessToken, expiresIn } = await signedIn(response);
  expect(user).toMatchObject({ username: 'Xenia', displayName: 'Xenia', role: 'owner' });
  expect(expiresIn).toBe(600);
  expect(await statusOfMe(accessToken)).toBe(200);

  const second = await signedIn(await register('yolanda'));
  expect(second.user).toMatchObject({ displayName: 'yolanda', role: 'member' });
});

test('a username is taken in every case', async () => {
  await register('Xenia');
  for (const name of ['Xenia', 'xenia', 'XENIA']) {
    const response = await register(name);
    expect(response.status).toBe(409);
    expect(await codeOf(response)).toBe('username_taken');
  }
});

test('twenty people who want one name at once: one has it', async () => {
  const responses = await Promise.all(Array.from({ length: 20 }, () => register('xenia')));
  expect(responses.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)]);
});

test('a password that anyone would try first is refused before it is hashed', async () => {
  for (const password of ['password1', 'parley2026', 'xenia12345', '12345678']) {
    const response = await register('xenia', { password });
    expect(response.status).toBe(422);
    expect(await codeOf(response)).toBe('weak_password');
  }
});

test.each([
  [{ username: 'ab' }, 'username'],
  [{ username: 'x'.repeat(33) }, 'username'],
  [{ username: 'xen ia' }, 'username'],
  [{ username: 'xenia\n' }, 'username'],
  [{ username: 'xеnia' }, 'username'],
  [{ password: 'short' }, 'password'],
  [{ password: 'x'.repeat(129) }, 'password'],
  [{ displayName: 'a\u202eb' }, 'displayName'],
  [{ displayName: '   ' }, 'displayName'],
  [{ session: 'jwt' }, 'session'],
  [{ role: 'owner' }, 'role'],
])('registering with %o is refused', async (more, path) => {
  const response = await register('xenia', more);
  expect(response.status).toBe(400);
  expect(((await response.json()) as Problem).errors?.map((error) => error.path)).toEqual([path]);
});

test('a password of 128 characters of any script works unchanged', async () => {
  const password = `${'ключ🔑'.repeat(20)} end`.slice(0, 128);
  await register('xenia', { password });
  await signedIn(await signIn('xenia', password));
  expect((await signIn('xenia', `${password.slice(0, -1)}`)).status).toBe(401);
});

test('one signs in under any case of the name', async () => {
  await register('Xenia');
  const { user } = await signedIn(await signIn('xENIA'));
  expect(user.username).toBe('Xenia');
});

test('an unknown person and a wrong password are told the same, in the same time', async () => {
  await register('xenia');
  await server.services.passwords.verify(null, 'warm up');
  const timed = async (username: string) => {
    const started = performance.now();
    const response = await signIn(username, 'not the teapot');
    const elapsed = performance.now() - started;
    const { requestId: _, ...problem } = (await response.json()) as Problem;
    const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
    return { elapsed, seen: { status: response.status, problem, headers } };
  };
  const wrong = await timed('xenia');
  const unknown = await timed('nobody-at-all');
  const impossible = await timed('not a name!');
  expect(unknown.seen).toEqual(wrong.seen);
  expect(impossible.seen).toEqual(wrong.seen);
  expect(wrong.seen).toMatchObject({ status: 401, problem: { code: 'invalid_credentials' } });
  expect(unknown.elapsed).toBeGreaterThan(wrong.elapsed / 4);
  expect(impossible.elapsed).toBeGreaterThan(wrong.elapsed / 4);
});

test('after three failures the account waits, for that address alone, and as long as it is told', async () => {
  await register('xenia');
  for (let attempt = 0; attempt < 3; attempt += 1) expect((await signIn('xenia', 'wrong guess')).status).toBe(401);

  const refused = await signIn('XENIA', PASSWORD);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('Retry-After')).toBe('60');
  expect(await refused.json()).toMatchObject({ code: 'too_many_attempts', retryAfterMs: 60_000 });

  await register('yolanda');
  await signedIn(await signIn('yolanda'));

  server.clock.advance(59_500);
  expect((await signIn('xenia')).headers.get('Retry-After')).toBe('1');
  server.clock.advance(501);
  await signedIn(await signIn('xenia'));
});

test('an unknown account waits as a known one does', async () => {
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 4; attempt += 1) statuses.push((await signIn('nobody', 'wrong guess')).status);
  expect(statuses).toEqual([401, 401, 401, 429]);
});

test('successes are not counted', async () => {
  await register('xenia');
  for (let attempt = 0; attempt < 6; attempt += 1) {
    if (attempt % 3 === 0) expect((await signIn('xenia', 'wrong guess')).status).toBe(401);
    await signedIn(await signIn('xenia'));
  }
});

test('an address that tries many accounts waits after five times as many failures', async () => {
  for (let attempt = 0; attempt < 15; attempt += 1) {
    expect((await signIn(`person${attempt}`, 'wrong guess')).status).toBe(401);
  }
  expect((await signIn('person99', 'wrong guess')).status).toBe(429);
});

test('what the server itself could not do does not count as a failure', async () => {
  await register('xenia');
  const outage = { ...server.services.store, findCredentials: () => Promise.reject(new Error('the disk is gone')) };
  const other = await createTestApp({ services: { store: outage, throttle: server.services.throttle } });
  const ask = { body: { username: 'xenia', password: PASSWORD } };
  for (let attempt = 0; attempt < 5; attempt += 1) {
    expect((await other.send('POST', '/auth/login', ask)).status).toBe(500);
  }
  await other.close();
  await signedIn(await signIn('xenia'));
});

test('behind a trusted proxy attempts count by the address that it saw; others cannot be made up', async () => {
  await server.close();
  server = await createTestApp({ trustedProxies: 1 });
  await register('xenia');
  const from = (address: string) => signIn('xenia', 'wrong guess', { 'X-Forwarded-For': address });
  for (let attempt = 0; attempt < 3; attempt += 1)
    expect((await from(`1.2.3.${attempt}, 203.0.113.9`)).status).toBe(401);
  expect((await from('9.9.9.9, 203.0.113.9')).status).toBe(429);
  expect((await from('203.0.113.10')).status).toBe(401);

  for (let attempt = 0; attempt < 3; attempt += 1) expect((await from(`2001:db8::${attempt}`)).status).toBe(401);
  expect((await from('2001:db8::ffff:1')).status).toBe(429);
  expect((await from('2001:db8:0:1::1')).status).toBe(401);
});

test('without a trusted proxy a made-up address changes nothing', async () => {
  await register('xenia');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect((await signIn('xenia', 'wrong guess', { 'X-Forwarded-For': `1.2.3.${attempt}` })).status).toBe(401);
  }
  expect((await signIn('xenia', 'wrong guess', { 'X-Forwarded-For': '1.2.3.99' })).status).toBe(429);
});

test('new accounts are counted by address', async () => {
  await server.close();
  server = await createTestApp();
  const limits = { ...server.services.limits, register: { count: 2, windowMs: 60_000 } };
  const limited = await createTestApp({ services: { limits } });
  const statuses: number[] = [];
  for (const username of ['xenia', 'yolanda', 'zebulon']) {
    const response = await limited.send('POST', '/auth/register', { body: { username, password: PASSWORD } });
    statuses.push(response.status);
  }
  await limited.close();
  expect(statuses).toEqual([201, 201, 429]);
});

test('a hash of older parameters is made anew when its owner signs in', async () => {
  const { user } = await signedIn(await register('xenia'));
  const { store } = server.services;
  await store.setPasswordHash({ userId: user.id, passwordHash: await hash(PASSWORD, { memoryCost: 8_192 }) });
  await signedIn(await signIn('xenia'));
  const credentials = await store.findCredentials({ username: 'xenia' });
  expect(parseOptions(credentials?.passwordHash ?? '').memoryCost).toBe(19_456);
  await signedIn(await signIn('xenia'));
});

test('a refresh token is traded for the next one, and the session goes on', async () => {
  const first = await signedIn(await register('xenia'));
  const second = await signedIn(await refresh(first.refreshToken));
  expect(second.refreshToken).not.toBe(first.refreshToken);
  expect(second.user).toEqual(first.user);
  const third = await signedIn(await refresh(second.refreshToken));
  expect(await statusOfMe(third.accessToken)).toBe(200);
});

test('two tabs that refresh at once, and a lost answer within 10 s, get the same successor', async () => {
  const { refreshToken } = await signedIn(await register('xenia'));
  const both = await Promise.all(
    [refresh(refreshToken), refresh(refreshToken)].map(async (one) => signedIn(await one)),
  );
  expect(both[0]?.refreshToken).toBe(both[1]?.refreshToken);

  server.clock.advance(10_000);
  const late = await signedIn(await refresh(refreshToken));
  expect(late.refreshToken).toBe(both[0]?.refreshToken);
  await signedIn(await refresh(late.refreshToken));
});

test('a spent token that comes back after the grace ends the session of everybody who holds it', async () => {
  const stolen = await signedIn(await register('xenia'));
  const current = await signedIn(await refresh(stolen.refreshToken));
  const elsewhere = await signedIn(await signIn('xenia'));
  server.clock.advance(10_001);

  const replay = await refresh(stolen.refreshToken);
  expect(replay.status).toBe(401);
  expect(await codeOf(replay)).toBe('session_ended');
  expect(await statusOfMe(current.accessToken)).toBe(401);
  expect((await refresh(current.refreshToken)).status).toBe(401);

  expect(await statusOfMe(elsewhere.accessToken)).toBe(200);
});

test('a token that was never issued, an access token, and none at all are invalid', async () => {
  const { accessToken } = await signedIn(await register('xenia'));
  for (const body of [{ refreshToken: 'A'.repeat(43) }, { refreshToken: accessToken }, { refreshToken: '' }, {}]) {
    const response = await server.send('POST', '/auth/refresh', { body });
    expect(response.status).toBe(401);
    expect(await codeOf(response)).toBe('invalid_token');
  }
  expect(await codeOf(await server.send('POST', '/auth/refresh'))).toBe('invalid_token');
});

test('a session ends after its time, however often it was refreshed', async () => {
  let { refreshToken } = await signedIn(await register('xenia'));
  for (let day = 0; day < 29; day += 1) {
    server.clock.advance(24 * 60 * 60 * 1_000);
    ({ refreshToken } = await signedIn(await refresh(refreshToken)));
  }
  server.clock.advance(24 * 60 * 60 * 1_000);
  expect(await codeOf(await refresh(refreshToken))).toBe('session_ended');
});

test('[A2] after signing out every token of the session is refused at once, and those of others work', async () => {
  const { accessToken, refreshToken } = await signedIn(await register('xenia'));
  const elsewhere = await signedIn(await signIn('xenia'));
  const response = await server.send('POST', '/auth/logout', { token: accessToken });
  expect(response.status).toBe(204);
  expect(await response.text()).toBe('');

  expect(await codeOf(await server.send('GET', '/me', { token: accessToken }))).toBe('session_ended');
  expect((await refresh(refreshToken)).status).toBe(401);
  expect(await statusOfMe(elsewhere.accessToken)).toBe(200);
});

test('a session in a cookie keeps its refresh token from scripts', async () => {
  const response = await register('xenia', { session: 'cookie' });
  expect(await response.json()).not.toHaveProperty('refreshToken');
  const cookie = response.headers.get('Set-Cookie') ?? '';
  expect(cookie).toMatch(/^parley_refresh=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/);

  const kept = cookie.split(';')[0] as string;
  const renewed = await server.send('POST', '/auth/refresh', {
    headers: { Cookie: kept, 'Sec-Fetch-Site': 'same-origin' },
  });
  expect(renewed.status).toBe(200);
  const { accessToken } = await signedIn(renewed.clone());
  expect(await renewed.json()).not.toHaveProperty('refreshToken');
  expect(renewed.headers.get('Set-Cookie')).toMatch(/^parley_refresh=[\w-]{43};/);
  expect(renewed.headers.get('Set-Cookie')).not.toContain(kept);

  const out = await server.send('POST', '/auth/logout', { token: accessToken });
  expect(out.headers.get('Set-Cookie')).toMatch(/^parley_refresh=; Max-Age=0; Path=\//);
});

test.each(['cross-site', 'same-site', 'none'])('a page that is %s cannot refresh by the cookie', async (site) => {
  const response = await register('xenia', { session: 'cookie' });
  const cookie = (response.headers.get('Set-Cookie') ?? '').split(';')[0] as string;
  const refused = await server.send('POST', '/auth/refresh', { headers: { Cookie: cookie, 'Sec-Fetch-Site': site } });
  expect(refused.status).toBe(403);
  expect(await codeOf(refused)).toBe('origin_refused');
  expect((await server.send('POST', '/auth/refresh', { headers: { Cookie: cookie } })).status).toBe(200);
});

test('a cookie whose session is over is taken away', async () => {
  const cookie = `parley_refresh=${'A'.repeat(43)}`;
  const response = await server.send('POST', '/auth/refresh', { headers: { Cookie: cookie } });
  expect(response.status).toBe(401);
  expect(response.headers.get('Set-Cookie')).toMatch(/^parley_refresh=; Max-Age=0/);
});

test.each([
  [{ publicUrl: 'https://chat.example.org' }, {}],
  [{ trustedProxies: 1 }, { 'X-Forwarded-Proto': 'https' }],
])('over https the cookie is bound to this host (%o)', async (options, headers) => {
  await server.close();
  server = await createTestApp(options);
  const body = { username: 'xenia', password: PASSWORD, session: 'cookie' };
  const response = await server.send('POST', '/auth/register', { body, headers });
  const cookie = response.headers.get('Set-Cookie') ?? '';
  expect(cookie).toMatch(/^__Host-parley_refresh=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
  expect('publicUrl' in options).toBe(response.headers.has('Strict-Transport-Security'));

  const kept = cookie.split(';')[0] as string;
  const unbound = kept.replace('__Host-', '');
  const ask = (value: string) => server.send('POST', '/auth/refresh', { headers: { ...headers, Cookie: value } });
  expect((await ask(unbound)).status).toBe(401);
  expect((await ask(kept)).status).toBe(200);
});

test('no log holds a password or a token', async () => {
  const { accessToken, refreshToken } = await signedIn(await register('xenia'));
  await signIn('xenia', 'canary-password-wrong');
  await refresh(refreshToken);
  await server.send('GET', `/me?token=${accessToken}`, { token: accessToken });
  await server.send('POST', '/auth/logout', { token: accessToken });
  const logged = [...server.apiLines, ...server.logLines].join('\n');
  for (const secret of [PASSWORD, 'canary-password', accessToken, refreshToken]) expect(logged).not.toContain(secret);
});
