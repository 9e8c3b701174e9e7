import type { Timing } from '../timing.ts';

/** Time that stands still until it is told to move. */
export interface ManualTiming extends Timing {
  /** Moves time on by `ms`, running what falls due in order, and lets promises settle in between. */
  pass(ms: number): Promise<void>;
}

/** `random` is what chance always answers. */
export function manualTiming(random = 0): ManualTiming {
  let now = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  const started = Date.UTC(2026, 0, 1);
  return {
    now: () => started + now,
    monotonic: () => now,
    random: () => random,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    async pass(ms) {
      const until = now + ms;
      for (;;) {
        await settled();
        const next = timers.toSorted((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > until) break;
        timers = timers.filter((other) => other !== next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = until;
    },
  };
}

/** Resolves after every promise that can settle by itself has done so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
