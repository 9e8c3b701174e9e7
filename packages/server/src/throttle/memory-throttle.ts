import type { Clock } from '../domain/clock.ts';
import type { Admission, Limit, Throttle } from './throttle.ts';

const SWEEP_EVERY = 10_000;

interface Window {
  /** When each admission was made, ascending. At most `count` of them are ever kept. */
  admissions: number[];
  windowMs: number;
}

/** The throttle of one process, on the monotonic clock, so that a jump of the wall clock neither blocks nor frees anyone. */
export class MemoryThrottle implements Throttle {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();
  #untilSweep = SWEEP_EVERY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async admit(key: string, limit: Limit): Promise<Admission> {
    const now = this.#clock.monotonic();
    this.#sweepNowAndThen(now);

    let window = this.#windows.get(key);
    if (!window) {
      window = { admissions: [], windowMs: limit.windowMs };
      this.#windows.set(key, window);
    }
    const { admissions } = window;
    while (admissions.length > 0 && (admissions[0] as number) + limit.windowMs <= now) admissions.shift();

    const oldestThatCounts = admissions[admissions.length - limit.count];
    if (oldestThatCounts !== undefined) {
      return { admitted: false, retryAfterMs: Math.max(1, Math.ceil(oldestThatCounts + limit.windowMs - now)) };
    }
    admissions.push(now);
    return { admitted: true, release: once(() => remove(admissions, now)) };
  }

  #sweepNowAndThen(now: number): void {
    if (--this.#untilSweep > 0) return;
    this.#untilSweep = SWEEP_EVERY;
    for (const [key, { admissions, windowMs }] of this.#windows) {
      const latest = admissions.at(-1);
      if (latest === undefined || latest + windowMs <= now) this.#windows.delete(key);
    }
  }
}

function remove(admissions: number[], at: number): void {
  const index = admissions.indexOf(at);
  if (index >= 0) admissions.splice(index, 1);
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
