import { expect, test } from 'vitest';
import { alternate } from './alternate.ts';

/** Subjects that say when they ran, and a disturbance in the rounds named (the warm-up is round 0). */
function subjects(disturbed: readonly number[]) {
  const order: string[] = [];
  let round = -1;
  return {
    order,
    ours: async () => {
      round += 1;
      order.push('ours');
      return round;
    },
    floor: async () => {
      order.push('floor');
      return round;
    },
    isDisturbed: (ours: number) => disturbed.includes(ours),
  };
}

test('ours and the floor take turns, and the warm-up of each is not counted', async () => {
  const run = subjects([]);
  const measured = await alternate(3, run);
  expect(run.order).toEqual(['ours', 'floor', 'ours', 'floor', 'ours', 'floor', 'ours', 'floor']);
  expect(measured).toEqual({ ours: [1, 2, 3], floor: [1, 2, 3], discarded: 0 });
});

test('a disturbed pair is replaced', async () => {
  expect(await alternate(3, subjects([2]))).toEqual({ ours: [1, 3, 4], floor: [1, 3, 4], discarded: 1 });
});

test('on a machine that is never calm, what was measured is kept and the run ends', async () => {
  const measured = await alternate(3, subjects([1, 2, 3, 4, 5, 6]));
  expect(measured).toEqual({ ours: [1, 2, 3, 4, 5, 6], floor: [1, 2, 3, 4, 5, 6], discarded: 0 });
});
