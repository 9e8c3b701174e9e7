import type { Limit } from '../throttle/throttle.ts';

/** A token bucket for the frames of one socket: `count` at once, refilled over `windowMs`. */
export class FloodGate {
  readonly #limit: Limit | null;
  #tokens: number;
  #filledAt: number;

  constructor(limit: Limit | null, now: number) {
    this.#limit = limit;
    this.#tokens = limit?.count ?? 0;
    this.#filledAt = now;
  }

  /** Whether one more frame is let through at `now`, milliseconds of a clock that never runs backwards. */
  pass(now: number): boolean {
    if (!this.#limit) return true;
    const { count, windowMs } = this.#limit;
    this.#tokens = Math.min(count, this.#tokens + ((now - this.#filledAt) * count) / windowMs);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
