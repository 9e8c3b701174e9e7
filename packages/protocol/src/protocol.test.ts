import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CLOSES } from './closes.ts';
import { DownFrame } from './down.ts';
import type { AnyEndpoint } from './endpoint.ts';
import { ERRORS, Failure, fail } from './errors.ts';
import { Id } from './ids.ts';
import { entitySchemas, jsonSchema } from './json-schema.ts';
import { newId } from './new-id.ts';
import { endpoints } from './requests/index.ts';
import { characterCount, label, text } from './text.ts';
import { UpFrame } from './up.ts';
import { API_PREFIX, MAX_FRAME_BYTES, PROTOCOL, SOCKET_PATH, SUBPROTOCOL } from './version.ts';

/** Everything that a client may depend on. The words for people are left out: they may be bettered at any time. */
function surface(): unknown {
  return {
    API_PREFIX,
    SOCKET_PATH,
    SUBPROTOCOL,
    MAX_FRAME_BYTES,
    entities: entitySchemas(),
    endpoints: Object.fromEntries(Object.entries(endpoints).map(([name, endpoint]) => [name, shapeOf(endpoint)])),
    up: jsonSchema(UpFrame, 'input'),
    down: jsonSchema(DownFrame, 'output'),
    errors: Object.entries(ERRORS).map(([code, { status, remedy }]) => [code, status, remedy]),
    closes: Object.entries(CLOSES).map(([code, { name }]) => [code, name]),
  };
}

function shapeOf({ method, path, auth, statuses, errors, params, query, body, answer }: AnyEndpoint): unknown {
  return {
    ...{ method, path, auth, statuses, errors },
    params: params && jsonSchema(params, 'input'),
    query: query && [jsonSchema(query, 'input'), jsonSchema(query, 'output')],
    body: body && jsonSchema(body, 'input'),
    answer: answer && jsonSchema(answer, 'output'),
  };
}

/** JSON with the keys of each object in order, so that rearranging the source changes nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}

test('the protocol changes only on purpose', () => {
  const hash = createHash('sha256').update(canonical(surface())).digest('hex');
  expect(
    hash,
    `The schemas, endpoints, errors or close codes are not those of revision ${PROTOCOL.revision}. If that is meant, ` +
      `raise PROTOCOL.revision in packages/protocol/src/version.ts, say in its history what changed, and set its hash ` +
      `to ${hash}. A change that old clients do not survive needs a new address, not a new revision.`,
  ).toBe(PROTOCOL.hash);
});

test('new ids are UUIDs of version 7 with the time in front', () => {
  const now = Date.now();
  const id = newId();
  expect(Id.parse(id)).toBe(id);
  expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBeGreaterThanOrEqual(now);
});

test('ids of one process ascend, however its clock behaves', () => {
  // Times in the future, so that the ids of this run follow those of the others.
  const start = Date.now() + 1_000_000;
  const clock = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 200 });
  fc.assert(
    fc.property(clock, (jumps) => {
      const ids = jumps.map((jump) => newId(start + jump));
      expect(ids).toEqual([...new Set(ids)].sort());
    }),
  );
});

test('ten thousand ids of one millisecond still ascend', () => {
  const now = Date.now() + 2_000_000;
  const ids = Array.from({ length: 10_000 }, () => newId(now));
  expect(ids).toEqual([...new Set(ids)].sort());
});

test('an id has one spelling', () => {
  const id = newId();
  expect(Id.parse(id.toUpperCase())).toBe(id);
  for (const other of ['', 'x', id.slice(1), `${id} `, `{${id}}`, id.replaceAll('-', '')]) {
    expect(Id.safeParse(other).success, other).toBe(false);
  }
});

test('text is trimmed and counted in characters, not in UTF-16 units', () => {
  const schema = text(1, 5);
  expect(schema.parse('  hi \n')).toBe('hi');
  expect(schema.parse('🐙🦀🐡🦑🐠')).toBe('🐙🦀🐡🦑🐠');
  expect(schema.safeParse('🐙🦀🐡🦑🐠🐟').success).toBe(false);
  expect(schema.safeParse(' \u3000\n').success).toBe(false);
  expect(schema.safeParse('a\u0000b').success).toBe(false);
});

test('whatever text is taken can be sent again and is taken as it is', () => {
  const anything = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => `${value}\ud800`);
  for (const schema of [text(1, 20), label(1, 20)]) {
    fc.assert(
      fc.property(fc.oneof(anything, fc.string({ unit: 'grapheme', maxLength: 40 })), (written) => {
        const first = schema.safeParse(written);
        if (!first.success) return;
        expect(first.data.isWellFormed()).toBe(true);
        expect(first.data).toBe(first.data.trim());
        expect(characterCount(first.data)).toBeGreaterThanOrEqual(1);
        expect(characterCount(first.data)).toBeLessThanOrEqual(20);
        expect(schema.parse(first.data)).toBe(first.data);
      }),
    );
  }
});

test('a label is one line in one spelling, without characters that nobody sees', () => {
  const schema = label(1, 20);
  expect(schema.parse(' ﬁne ①')).toBe('fine 1');
  expect(schema.parse('Cafe\u0301')).toBe('Café');
  for (const hidden of ['a\nb', 'a\u200bb', 'a\u202eb', 'a\u2066b', 'a\ufeffb', 'a\u00adb', 'a\u0007b', 'a\u2028b']) {
    expect(schema.safeParse(hidden).success, JSON.stringify(hidden)).toBe(false);
  }
});

test('a failure carries what the catalogue says of its code', () => {
  const failure = fail('throttled', { retryAfterMs: 4_200 });
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ status: 429, remedy: 'wait', details: { retryAfterMs: 4_200 } });
  expect(fail('user_not_found', 'There is no xenia.').message).toBe('There is no xenia.');
});
