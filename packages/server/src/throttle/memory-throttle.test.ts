import { describe, expect, test } from 'vitest';
import type { Clock } from '../domain/clock.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { MemoryThrottle } from './memory-throttle.ts';
import { throttleContract } from './throttle.contract.ts';

throttleContract('memory', async () => {
  const clock = new FakeClock();
  return {
    throttle: new MemoryThrottle(clock),
    now: () => clock.monotonic(),
    advance: async (millis) => clock.advance(millis),
  };
});

describe('the throttle in memory', () => {
  test('[T1] a wall clock that jumps neither blocks nor frees anyone', async () => {
    let wall = Date.UTC(2026, 0, 1);
    let monotonic = 0;
    const clock: Clock = { now: () => wall, monotonic: () => monotonic };
    const throttle = new MemoryThrottle(clock);
    const ask = async () => (await throttle.admit('ana', { count: 2, windowMs: 1_000 })).admitted;
    expect([await ask(), await ask(), await ask()]).toEqual([true, true, false]);
    wall += 3_600_000;
    expect(await ask()).toBe(false);
    wall -= 7_200_000;
    monotonic += 1_000;
    expect([await ask(), await ask(), await ask()]).toEqual([true, true, false]);
  });

  test('[T1] waits are told in whole milliseconds that are long enough, also on a clock of fractions', async () => {
    let monotonic = 0.1;
    const throttle = new MemoryThrottle({ now: () => 0, monotonic: () => monotonic });
    const limit = { count: 1, windowMs: 1_000 };
    await throttle.admit('ana', limit);
    for (let step = 0; step < 2_000; step += 1) {
      monotonic += 0.37;
      const admission = await throttle.admit('ana', limit);
      if (admission.admitted) continue;
      expect(Number.isInteger(admission.retryAfterMs)).toBe(true);
      const before = monotonic;
      monotonic += admission.retryAfterMs;
      expect((await throttle.admit('ana', limit)).admitted).toBe(true);
      if (step % 3 === 0) monotonic = Math.max(before, monotonic) + 0.01;
    }
  });

  test('what no longer counts is forgotten, and what still counts is not', async () => {
    const clock = new FakeClock();
    const throttle = new MemoryThrottle(clock);
    const long = { count: 1, windowMs: 1_000_000 };
    await throttle.admit('long', long);
    await throttle.admit('short', { count: 1, windowMs: 10 });
    clock.advance(10);
    for (let asked = 0; asked < 10_001; asked += 1) await throttle.admit(`${asked}`, { count: 1, windowMs: 1 });
    expect((await throttle.admit('long', long)).admitted).toBe(false);
    expect((await throttle.admit('short', { count: 1, windowMs: 10 })).admitted).toBe(true);
  });
});
