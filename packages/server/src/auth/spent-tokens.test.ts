import { expect, test } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { SPENT_GRACE_MS, SpentTokens } from './spent-tokens.ts';

test('a spent token is known for the grace after it was first spent, however often it is spent again', () => {
  const clock = new FakeClock();
  const spent = new SpentTokens(clock);
  expect(spent.has('a')).toBe(false);
  spent.add('a');
  clock.advance(SPENT_GRACE_MS - 1);
  spent.add('a');
  spent.add('b');
  clock.advance(1);
  expect([spent.has('a'), spent.has('b')]).toEqual([true, true]);
  clock.advance(1);
  expect([spent.has('a'), spent.has('b')]).toEqual([false, true]);
});

test('it does not matter where the wall clock is set', () => {
  const clock = new FakeClock();
  const spent = new SpentTokens(clock);
  spent.add('a');
  clock.set(3_600_000);
  expect(spent.has('a')).toBe(true);
  clock.set(-7_200_000);
  clock.advance(SPENT_GRACE_MS + 1);
  expect(spent.has('a')).toBe(false);
});

test('a flood of them fills no memory', () => {
  const clock = new FakeClock();
  const spent = new SpentTokens(clock);
  for (let count = 0; count < 30_000; count += 1) spent.add(String(count));
  expect([spent.has('9999'), spent.has('10000')]).toEqual([true, false]);
  clock.advance(SPENT_GRACE_MS + 1);
  spent.add('10000');
  expect([spent.has('9999'), spent.has('10000')]).toEqual([false, true]);
});
