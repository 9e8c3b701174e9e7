import { newId } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Admission, Limit, Throttle } from './throttle.ts';

/** A throttle and the time that it goes by. */
export interface TimedThrottle {
  readonly throttle: Throttle;
  /** Milliseconds since the throttle was made. */
  now(): number;
  advance(millis: number): Promise<void>;
}

const LIMIT: Limit = { count: 5, windowMs: 10_000 };

/** What every throttle must do (rule T1). `open` gives one with no history, on a clock that moves when it is told to. */
export function throttleContract(name: string, open: () => Promise<TimedThrottle>): void {
  describe(`${name} keeps the throttle's contract:`, () => {
    const ask = async ({ throttle }: TimedThrottle, key: string, limit = LIMIT) =>
      summary(await throttle.admit(key, limit));

    test('[T1] admits so many in a window, then says exactly when asking again succeeds', async () => {
      const timed = await open();
      for (const wait of [0, 1_000, 2_000, 0, 0]) {
        await timed.advance(wait);
        expect(await ask(timed, 'ana')).toBe('admitted');
      }
      expect(await ask(timed, 'ana')).toBe(7_000);
      await timed.advance(6_999);
      expect(await ask(timed, 'ana')).toBe(1);
      await timed.advance(1);
      expect(await ask(timed, 'ana')).toBe('admitted');
      expect(await ask(timed, 'ana')).toBe(1_000);
    });

    test('[T1] refusals do not lengthen the wait, however many there are', async () => {
      const timed = await open();
      for (let asked = 0; asked < 5; asked += 1) await ask(timed, 'ana');
      for (let waited = 0; waited < 10_000; waited += 500) {
        expect(await ask(timed, 'ana')).toBe(10_000 - waited);
        await timed.advance(500);
      }
      for (let asked = 0; asked < 5; asked += 1) expect(await ask(timed, 'ana')).toBe('admitted');
    });

    test('[T1] those who ask at once share one count', async () => {
      const timed = await open();
      const answers = await Promise.all(Array.from({ length: 40 }, () => ask(timed, 'ana')));
      expect(answers.filter((answer) => answer === 'admitted').length).toBe(5);
      expect(answers.filter((answer) => answer === 10_000).length).toBe(35);
    });

    test('[T1] each key has its own count', async () => {
      const timed = await open();
      for (let asked = 0; asked < 5; asked += 1) await ask(timed, 'ana');
      for (const key of ['bob', 'Ana', 'ana ', '__proto__', 'constructor', ''])
        expect(await ask(timed, key)).toBe('admitted');
      expect(await ask(timed, 'ana')).toBe(10_000);
    });

    test('[T1] a slot that is given back is free again, once, and takes nobody else’s place', async () => {
      const timed = await open();
      const first = await timed.throttle.admit('ana', LIMIT);
      for (let asked = 0; asked < 4; asked += 1) await ask(timed, 'ana');
      await timed.advance(4_000);
      expect(await ask(timed, 'ana')).toBe(6_000);
      release(first);
      release(first);
      expect(await ask(timed, 'ana')).toBe('admitted');
      expect(await ask(timed, 'ana')).toBe(6_000);
      await timed.advance(6_000);
      release(first);
      for (let asked = 0; asked < 4; asked += 1) expect(await ask(timed, 'ana')).toBe('admitted');
      expect(await ask(timed, 'ana')).toBe(4_000);
    });

    test('[T1] under any interleaving no window holds too many, and every wait that is told is exact', async () => {
      const aStep = fc.oneof(
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), key: fc.nat(1) }) },
        { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), millis: fc.nat(2_000) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat(20) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('come back' as const), key: fc.nat(1) }) },
      );
      const aLimit = fc.record({ count: fc.integer({ min: 1, max: 6 }), windowMs: fc.integer({ min: 1, max: 5_000 }) });
      await fc.assert(
        fc.asyncProperty(aLimit, fc.array(aStep, { maxLength: 120, size: 'max' }), async (limit, steps) => {
          const timed = await open();
          const run = newId();
          const counted: { key: string; at: number; admission: Admission }[] = [];
          const admit = async (number: number) => {
            const key = `${run} ${number}`;
            const admission = await timed.throttle.admit(key, limit);
            if (admission.admitted) counted.push({ key, at: timed.now(), admission });
            const inWindow = counted.filter((past) => past.key === key && past.at > timed.now() - limit.windowMs);
            expect(inWindow.length).toBeLessThanOrEqual(limit.count);
            if (admission.admitted) return null;
            // It was refused for a reason, and it says when that reason ends.
            const [oldestThatCounts] = inWindow.slice(-limit.count);
            expect(inWindow.length).toBe(limit.count);
            expect(admission.retryAfterMs).toBe((oldestThatCounts?.at ?? 0) + limit.windowMs - timed.now());
            return admission.retryAfterMs;
          };
          for (const step of steps) {
            if (step.kind === 'ask') await admit(step.key);
            if (step.kind === 'wait') await timed.advance(step.millis);
            if (step.kind === 'release' && counted.length > 0) {
              const [past] = counted.splice(step.which % counted.length, 1);
              if (past) release(past.admission);
              await timed.advance(0);
            }
            if (step.kind === 'come back') {
              const wait = await admit(step.key);
              if (wait === null) continue;
              if (wait > 1) {
                await timed.advance(wait - 1);
                expect(await admit(step.key)).toBe(1);
              }
              await timed.advance(1);
              expect(await admit(step.key)).toBeNull();
            }
          }
        }),
        { numRuns: 200 },
      );
    });
  });
}

function summary(admission: Admission): 'admitted' | number {
  return admission.admitted ? 'admitted' : admission.retryAfterMs;
}

function release(admission: Admission): void {
  if (admission.admitted) admission.release();
}
