/** Clocks, timers and chance: passed in, so that tests and simulations own them. */
export interface Timing {
  /** Wall clock, milliseconds since 1970. For people to read; it may jump. */
  now(): number;
  /** Milliseconds that never run backwards. For ages and waits. */
  monotonic(): number;
  /** Runs something once, `ms` from now; the answer calls it off. A `background` one does not keep a process alive. */
  after(ms: number, run: () => void, background?: boolean): () => void;
  /** At least 0, below 1. */
  random(): number;
}

export const systemTiming: Timing = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run, background = false) {
    const timer: unknown = setTimeout(run, ms);
    // Browsers answer with a number: there is no process to keep alive.
    if (background && typeof timer === 'object') (timer as { unref(): void }).unref();
    return () => clearTimeout(timer as number);
  },
  random: () => Math.random(),
};

/** A promise of `ms` going by. */
export function pause(timing: Timing, ms: number): Promise<void> {
  return new Promise((resolve) => {
    timing.after(ms, resolve);
  });
}
