import { percentile } from './statistics.ts';

/** Milliseconds. */
export interface Latencies {
  /** How many were measured. */
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

export function summariseLatencies(millis: ArrayLike<number>): Latencies {
  return {
    count: millis.length,
    p50: percentile(millis, 0.5),
    p99: percentile(millis, 0.99),
    most: percentile(millis, 1),
  };
}
