import type { Clock } from '../domain/clock.ts';

/** A clock that moves when a test says so. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #start: number;

  constructor(start = Date.UTC(2026, 9, 2, 7)) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  advance(millis: number): void {
    this.#elapsed += millis;
  }

  /** Sets the wall clock forward, or with a negative number back; no time goes by. */
  set(millis: number): void {
    this.#start += millis;
  }
}
