import { systemTiming, type Timing } from '../timing.ts';

/**
 * Time that runs `factor` times as fast as the wall clock's, so that waits of seconds take a fraction of one: back-off,
 * the renewal of tokens, the silence after which a connection counts as dead.
 */
export function hastyTiming(factor: number): Timing {
  const startedAt = Date.now();
  const elapsed = () => (Date.now() - startedAt) * factor;
  return {
    now: () => startedAt + elapsed(),
    monotonic: () => performance.now() * factor,
    after: (ms, run, background) => systemTiming.after(ms / factor, run, background),
    random: Math.random,
  };
}
