import { CLOSES } from '@parley/protocol';
import { expect, test } from 'vitest';
import { departureBy } from './close-codes.ts';

test('[P1] only who leaves for good is gone at once; whoever a restart has sent away is waited for longest', () => {
  const codes = [1000, 1001, 1005, 1006, ...Object.keys(CLOSES).map(Number), 4999];
  const thoseOf = (departure: string) => codes.filter((code) => departureBy(code) === departure);
  expect(thoseOf('for-good')).toEqual([1000, 4403]);
  expect(thoseOf('restart')).toEqual([1012]);
  expect(thoseOf('lost').length).toBe(codes.length - 3);
});
