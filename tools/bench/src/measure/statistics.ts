/** The middle of the values; with an even count, the mean of the middle two. NaN where there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The smallest value that at least `share` (0 to 1) of the values do not exceed: the nearest-rank percentile. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[Math.min(rank, sorted.length) - 1] as number;
}

/**
 * The median of the ratios of each round's pair. Neighbours in time share the machine's mood, so the ratio of a pair
 * is steadier than the ratio of two medians.
 */
export function medianOfRatios(ours: readonly number[], floor: readonly number[]): number {
  if (ours.length !== floor.length) throw new Error(`${ours.length} rounds of ours, ${floor.length} of the floor`);
  return median(ours.map((value, round) => value / (floor[round] as number)));
}
