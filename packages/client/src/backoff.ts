import type { Timing } from './timing.ts';

/** Bounds of a wait, in milliseconds. */
export interface Backoff {
  readonly leastMs: number;
  readonly mostMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { leastMs: 250, mostMs: 15_000 };

/**
 * How long to wait after `tries` failures in a row (0 for the first): anywhere between the least and a bound that
 * doubles up to the most. The full width is random, so that those who were cut off together do not return together.
 * Where it is known that it has failed for `failingMs`, the wait is no longer than that and twice the least: whoever was
 * quick with some tries while a server restarted is not made to wait long after it is back.
 */
export function backoffDelay(
  tries: number,
  { leastMs, mostMs }: Backoff,
  timing: Pick<Timing, 'random'>,
  failingMs = Number.POSITIVE_INFINITY,
): number {
  const bound = Math.min(mostMs, leastMs * 2 ** Math.min(tries + 1, 30), 2 * leastMs + failingMs);
  return leastMs + timing.random() * Math.max(0, bound - leastMs);
}
