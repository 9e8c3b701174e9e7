import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterClose } from './after-close.ts';
import { backoffDelay, DEFAULT_BACKOFF } from './backoff.ts';

test('waits double, stay within the bounds, and use the full width between them', () => {
  const delays = (random: number) =>
    [0, 1, 2, 3, 20, 1_000].map((tries) => backoffDelay(tries, DEFAULT_BACKOFF, { random: () => random }));
  expect(delays(0)).toEqual([250, 250, 250, 250, 250, 250]);
  expect(delays(1)).toEqual([500, 1_000, 2_000, 4_000, 15_000, 15_000]);
});

test('no wait is much longer than the outage so far', () => {
  const longest = (failingMs: number) => backoffDelay(20, DEFAULT_BACKOFF, { random: () => 1 }, failingMs);
  expect([0, 400, 5_000, 60_000].map(longest)).toEqual([500, 900, 5_500, 15_000]);
});

test('each close code says what to do next', () => {
  expect(afterClose(1006, '')).toEqual({ kind: 'retry' });
  expect(afterClose(1009, '')).toEqual({ kind: 'retry' });
  expect(afterClose(1012, '{"retryAfterMs":400}')).toEqual({ kind: 'wait', ms: 400, spreadMs: 100 });
  expect(afterClose(1012, 'restarting')).toEqual({ kind: 'wait', ms: 0, spreadMs: 1_000 });
  expect(afterClose(4400, '')).toEqual({ kind: 'stop' });
  expect(afterClose(4401, '')).toEqual({ kind: 'renew' });
  expect(afterClose(4403, '')).toEqual({ kind: 'sign-out' });
  expect(afterClose(4408, '')).toEqual({ kind: 'resume' });
  expect(afterClose(4429, '{"retryAfterMs":8000}')).toEqual({ kind: 'wait', ms: 8_000, spreadMs: 2_000 });
});

test('no reason text makes a client throw, or wait for more than a minute', async () => {
  await fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), fc.constantFrom(1012, 4429), (reason, code) => {
      const next = afterClose(code, reason);
      expect(next.kind === 'wait' && next.ms >= 0 && next.ms <= 60_000).toBe(true);
    }),
  );
  expect(afterClose(1012, '{"retryAfterMs":1e300}')).toMatchObject({ ms: 60_000 });
});
