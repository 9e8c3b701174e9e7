import * as z from 'zod';
import { millisOf } from './duration.ts';

/** At most `count` events in any window of `windowMs` milliseconds. */
export interface RateLimit {
  readonly count: number;
  readonly windowMs: number;
}

const MOST_EVENTS = 1_000_000;
const LONGEST_WINDOW_MS = 24 * 60 * 60 * 1_000;

/** Reads `5/10s`, `3/500ms` or `10/1m`; `off` is null, which limits nothing. */
export const RateLimitText = z.string().transform((text, context): RateLimit | null => {
  if (text === 'off') return null;
  const [count, duration, ...rest] = text.split('/');
  const limit = { count: wholeNumber(count), windowMs: millisOf(duration ?? '') };
  const inBounds = limit.count >= 1 && limit.count <= MOST_EVENTS && limit.windowMs <= LONGEST_WINDOW_MS;
  if (rest.length === 0 && inBounds) return limit;
  context.issues.push({
    code: 'custom',
    input: text,
    message: 'use a count and a window of at most a day, such as 5/10s, 3/500ms or 10/1m, or off',
  });
  return z.NEVER;
});

function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}
