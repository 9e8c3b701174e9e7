import type { Clock } from '../domain/clock.ts';

/** How often the guard sees that the process runs. */
const LOOK_EVERY_MS = 250;
/** A process that stood still for longer may have missed what ends somebody's session: A2 promises a second. */
export const STOOD_STILL_MS = 1_000;
const TRY_AGAIN_MS = 250;

interface OnWake {
  /** Finds out whose session has ended meanwhile. It is asked again until it succeeds. */
  revalidate(): Promise<unknown>;
  /** Deliveries go on. */
  release(): void;
  noticed?(stoodStillMs: number): void;
}

/**
 * Notices that the process stood still: it was stopped and continued, its machine slept, or one turn of the event loop
 * took that long. Until sessions have been looked up again nothing is delivered then, since who may be sent something
 * was decided in another age (rule A2). What arrived meanwhile is often handled before the first timer is: whoever is
 * about to deliver asks the guard.
 */
export class WakeGuard {
  readonly #clock: Clock;
  #seenAt: number;
  #seenAtWall: number;
  #watching: OnWake | null = null;
  #awake: PromiseWithResolvers<void> | null = null;
  /** How often it woke. */
  #wakes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#seenAt = clock.monotonic();
    this.#seenAtWall = clock.now();
  }

  /** Begins to watch; the function that comes back ends it, and then nothing is held any more. */
  watch(onWake: OnWake): () => void {
    this.#see();
    this.#watching = onWake;
    const timer = setInterval(() => {
      this.isHolding();
      this.#see();
    }, LOOK_EVERY_MS);
    timer.unref();
    return () => {
      clearInterval(timer);
      this.#watching = null;
      this.#awake?.resolve();
      this.#awake = null;
    };
  }

  /** Whether nothing may be delivered at this moment. Costs two looks at the clock. */
  isHolding(): boolean {
    if (!this.#watching) return false;
    // The monotonic clock stands still while a machine sleeps; the wall clock may be set, which costs a look too many.
    const gap = Math.max(this.#clock.monotonic() - this.#seenAt, this.#clock.now() - this.#seenAtWall);
    if (gap > STOOD_STILL_MS) {
      this.#see();
      this.#wakes += 1;
      this.#watching.noticed?.(gap);
      if (!this.#awake) void this.#wake(this.#watching);
    }
    return this.#awake !== null;
  }

  /** Resolves when deliveries go on. */
  released(): Promise<void> {
    return this.#awake?.promise ?? Promise.resolve();
  }

  #see(): void {
    this.#seenAt = this.#clock.monotonic();
    this.#seenAtWall = this.#clock.now();
  }

  async #wake(onWake: OnWake): Promise<void> {
    const awake = Promise.withResolvers<void>();
    this.#awake = awake;
    let isKnown = false;
    while (!isKnown) {
      const wakes = this.#wakes;
      isKnown = await onWake.revalidate().then(
        // It may have stood still again meanwhile.
        () => wakes === this.#wakes,
        () => false,
      );
      if (this.#watching !== onWake) return;
      if (!isKnown) await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS).unref());
    }
    this.#awake = null;
    onWake.release();
    awake.resolve();
  }
}
