import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateLimitText } from './rate-limit.ts';

const UNIT_MILLIS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

test.each([
  ['5/10s', { count: 5, windowMs: 10_000 }],
  ['1000/10s', { count: 1_000, windowMs: 10_000 }],
  ['3/500ms', { count: 3, windowMs: 500 }],
  ['10/1m', { count: 10, windowMs: 60_000 }],
  ['off', null],
])('%s is read', (text, limit) => {
  expect(RateLimitText.parse(text)).toEqual(limit);
});

test.each([
  '',
  '5',
  '5/',
  '/10s',
  '0/10s',
  '5/0s',
  '5/10',
  '5/10 s',
  ' 5/10s',
  '-5/10s',
  '5.5/10s',
  '5/10s/1',
  '5/2d',
  'OFF',
])('%j is refused', (text) => {
  expect(RateLimitText.safeParse(text).success).toBe(false);
});

test('any count in any window of at most a day is read as written', () => {
  const unit = fc.constantFrom(...(Object.keys(UNIT_MILLIS) as (keyof typeof UNIT_MILLIS)[]));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 1, max: 24 }),
      unit,
      (count, length, unit) => {
        expect(RateLimitText.parse(`${count}/${length}${unit}`)).toEqual({
          count,
          windowMs: length * UNIT_MILLIS[unit],
        });
      },
    ),
  );
});

test('any other text is refused or gives a usable limit, and never throws', () => {
  const almost = fc.stringMatching(/^[0-9a-z/ .-]{0,12}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), almost), (text) => {
      const result = RateLimitText.safeParse(text);
      if (!result.success || result.data === null) return;
      expect(result.data.count).toBeGreaterThanOrEqual(1);
      expect(result.data.windowMs).toBeGreaterThanOrEqual(1);
      expect(Number.isSafeInteger(result.data.count * result.data.windowMs)).toBe(true);
    }),
  );
});
