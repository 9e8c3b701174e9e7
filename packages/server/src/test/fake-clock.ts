import type { Clock } from '../domain/clock.ts';

/** A clock that moves when a test says so. */
export class FakeClock implements Clock {
  #elapsed = 0;
  readonly #start: number;

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
}
