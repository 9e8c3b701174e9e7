import { expect, test } from 'vitest';
import { median, medianOfRatios, percentile } from './statistics.ts';

test('the median is the middle value, or the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('a percentile is the nearest rank, so it is always a value that was measured', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(percentile([7], 0.01)).toBe(7);
});

test('the ratio of a run is the median over its rounds, so one disturbed round does not move it', () => {
  expect(medianOfRatios([11, 12, 90], [10, 10, 10])).toBe(1.2);
  // Both slow together: the pair's ratio stays.
  expect(medianOfRatios([11, 22, 11], [10, 20, 10])).toBeCloseTo(1.1);
  expect(() => medianOfRatios([1], [])).toThrow('1 rounds of ours, 0 of the floor');
});
