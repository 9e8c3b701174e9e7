import * as fc from 'fast-check';
import { test } from 'vitest';
import { CHANNELS, DEVICES, GUESTS, type Step, stormyWorld } from './test/stormy-world.ts';

/** Told when a run fails; given, it makes the same steps again. */
const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 31);

const below = (count: number) => fc.nat({ max: count - 1 });
const device = below(DEVICES);
const guest = below(GUESTS);
const channel = below(CHANNELS);
const direction = fc.constantFrom('up' as const, 'down' as const);

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant('send'), device, channel, count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('read', 'load-older'), device, channel }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('cut', 'refuse', 'heal'), device }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('away', 'back'), device }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('cut-after'),
      device,
      direction,
      bytes: fc.integer({ min: 1, max: 4_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stall'), device, direction }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delay'), device, millis: fc.integer({ min: 1, max: 10 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('add', 'remove', 'join', 'leave'), guest, channel }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass'), millis: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tokens-run-out') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
) as fc.Arbitrary<Step>;

async function live(steps: readonly Step[]): Promise<void> {
  const world = await stormyWorld();
  try {
    for (const step of steps) await world.run(step);
    await world.settle();
    await world.check();
  } finally {
    await world.close();
  }
}

test('[D1] [D2] [D4] [O1] [O2] [O3] [A1] whatever happens, each client has exactly the log', {
  timeout: 90_000,
}, async () => {
  const runs = fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 40 }), live);
  // A run cannot be made smaller by running it again: its timing is never the same.
  await fc.assert(runs, { seed: SEED, numRuns: 15, endOnFailure: true });
});
