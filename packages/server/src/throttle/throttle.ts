/** At most `count` admissions in any window of `windowMs` milliseconds. */
export interface Limit {
  readonly count: number;
  readonly windowMs: number;
}

export type Admission =
  /** `release` gives the slot back: what was admitted did not happen after all. */
  | { readonly admitted: true; release(): void }
  /** The earliest moment at which asking again can succeed, in milliseconds from now, at least 1. */
  | { readonly admitted: false; readonly retryAfterMs: number };

/**
 * An exact sliding window per key (rule T1): no window of the limit's length ever holds more admissions than its
 * count. A refusal takes no slot, so it does not lengthen the wait.
 */
export interface Throttle {
  admit(key: string, limit: Limit): Promise<Admission>;
}
