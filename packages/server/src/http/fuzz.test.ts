import { type AnyEndpoint, ERRORS, endpoints, newId, Problem, SignedIn } from '@parley/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../test/test-app.ts';

const RUNS = 5_000;

let server: TestApp;
let token: string;
let channelId: string;

beforeAll(async () => {
  server = await createTestApp();
  const account = { username: 'xenia', password: 'lavender teapot' };
  const registered = await server.send('POST', '/auth/register', { body: account });
  token = SignedIn.parse(await registered.json()).accessToken;
  const created = await server.send('POST', '/channels', { token, body: { name: 'general', kind: 'public' } });
  channelId = ((await created.json()) as { id: string }).id;
});

afterAll(() => server.close());

/** What clients really send, to be damaged below. Signing in and registering stay out: hashing is slow on purpose. */
const SAMPLES = {
  refresh: { refreshToken: 'A'.repeat(43) },
  createChannel: { name: 'garden', kind: 'public', topic: 'plants', members: ['xenia'] },
  startConversation: { usernames: ['xenia', 'yolanda'] },
  updateChannel: { name: 'garden', topic: 'plants', archived: false, rev: 1 },
  addMembers: { usernames: ['xenia'] },
  changeMemberRole: { role: 'moderator' },
  postMessage: { id: newId(), body: 'hello' },
  markRead: { seq: 1 },
} as const;

/** Values as JSON text, for some are too deep to be handled as values. */
const nasty = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    'null',
    '-1',
    '1e308',
    '1e999',
    '9007199254740992',
    '""',
    '" "',
    '"\\u0000"',
    '"\\ud800"',
    '"\\u202e"',
  ),
  fc.constantFrom('"0"', '[]', '[[]]', '{}', '{"$ne":1}', `"' OR 1=1 --"`),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
);
const key = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'id', 'role', 'seq', 'actorId'),
  fc.string(),
);

const request = fc.record({
  name: fc.constantFrom(...(Object.keys(SAMPLES) as (keyof typeof SAMPLES)[])),
  replaced: fc.array(fc.tuple(fc.nat(), nasty), { maxLength: 2 }),
  added: fc.array(fc.tuple(key, nasty), { maxLength: 2 }),
  cut: fc.option(fc.nat()),
  swapped: fc.option(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))),
});

type Damage = typeof request extends fc.Arbitrary<infer Value> ? Value : never;

function damage({ name, replaced, added, cut, swapped }: Damage): Uint8Array<ArrayBuffer> {
  const fields = Object.entries(SAMPLES[name]).map(([field, value]) => [field, JSON.stringify(value)]);
  for (const [at, value] of replaced) {
    const field = fields[at % fields.length];
    if (field) field[1] = value;
  }
  // Written by hand, because an object literal would swallow `__proto__`.
  const text = [...fields, ...added].map(([field, value]) => `${JSON.stringify(field)}:${value}`).join();
  const bytes = new TextEncoder().encode(`{${text}}`);
  if (swapped) bytes[swapped[0] % bytes.length] = swapped[1];
  return cut === null ? bytes : bytes.slice(0, cut % (bytes.length + 1));
}

test('whatever a body is, the answer is a success or an error of the catalogue, and never one of ours', async () => {
  await fc.assert(
    fc.asyncProperty(request, async (damaged) => {
      const endpoint: AnyEndpoint = endpoints[damaged.name];
      const path = endpoint.path.replace('{id}', channelId).replace('{userId}', newId());
      const response = await server.app.request(`/api/v1${path}`, {
        method: endpoint.method,
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
        body: damage(damaged),
      });
      if (endpoint.statuses.includes(response.status)) return;
      const { code } = Problem.parse(await response.json());
      expect(ERRORS[code].status).toBe(response.status);
      expect(response.status).toBeLessThan(500);
    }),
    { numRuns: RUNS },
  );
  expect(server.logLines).toEqual([]);
  expect((await server.send('GET', '/me', { token })).status).toBe(200);
}, 60_000);

test('whatever an address is, the answer is a success or an error of the catalogue', async () => {
  const segment = fc.oneof(
    fc.constantFrom('api', 'v1', 'channels', 'me', '..', '%2e%2e', '%2f', '%00', '%', '%zz', '%E0%A4', ';', '[', '\\'),
    fc.constant('ID'),
    fc.webFragments(),
    fc.string({ unit: 'grapheme' }).map(encodeURIComponent),
  );
  const method = fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS');
  await fc.assert(
    fc.asyncProperty(
      method,
      fc.array(segment, { maxLength: 6 }),
      fc.webQueryParameters(),
      async (verb, segments, query) => {
        const address = `http://localhost/api/v1/${segments.join('/').replaceAll('ID', channelId)}?${query}`;
        const response = await server.app.request(
          new Request(address, { method: verb, headers: { Authorization: `Bearer ${token}` } }),
        );
        expect(response.status).toBeLessThan(500);
      },
    ),
    { numRuns: 1_000 },
  );
  expect(server.logLines).toEqual([]);
});
