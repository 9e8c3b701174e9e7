/** Time as rules see it, passed in so that tests own it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For people and expiry; it may jump. */
  now(): number;
  /** Milliseconds that never run backwards. For windows and waits. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
