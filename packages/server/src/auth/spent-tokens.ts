import type { Clock } from '../domain/clock.ts';

/** How long a refresh token that was spent is still answered: two tabs may use it at once, or an answer be lost. */
export const SPENT_GRACE_MS = 10_000;
const MOST_KEPT = 10_000;

/**
 * The refresh tokens that were spent at this node within the grace, by the monotonic clock. When a token was spent is
 * kept by the wall clock, and one that is set forward makes a repetition look like a theft: this says that it is none.
 */
export class SpentTokens {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** When each was first spent, by hash, the oldest first. */
  readonly #spentAt = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** A repetition does not lengthen the grace. */
  add(hash: string): void {
    this.#forgetOld();
    if (this.#spentAt.has(hash) || this.#spentAt.size >= MOST_KEPT) return;
    this.#spentAt.set(hash, this.#clock.monotonic());
  }

  has(hash: string): boolean {
    this.#forgetOld();
    return this.#spentAt.has(hash);
  }

  #forgetOld(): void {
    const now = this.#clock.monotonic();
    for (const [hash, spentAt] of this.#spentAt) {
      if (now - spentAt <= SPENT_GRACE_MS) return;
      this.#spentAt.delete(hash);
    }
  }
}
