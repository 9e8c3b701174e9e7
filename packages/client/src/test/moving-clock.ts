import type { Clock } from '../../../server/src/domain/clock.ts';

/** A server's clock that runs as usual and jumps ahead when it is told to. */
export class MovingClock implements Clock {
  #ahead = 0;

  now(): number {
    return Date.now() + this.#ahead;
  }

  monotonic(): number {
    return performance.now() + this.#ahead;
  }

  advance(millis: number): void {
    this.#ahead += millis;
  }
}
