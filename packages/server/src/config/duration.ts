import * as z from 'zod';

const MILLIS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a duration such as `500ms`, `10s`, `15m`, `2h` or `30d`; at least 1, NaN for any other text. */
export function millisOf(text: string): number {
  const parts = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const millis = parts ? Number(parts[1]) * MILLIS[parts[2] as keyof typeof MILLIS] : Number.NaN;
  return millis >= 1 ? millis : Number.NaN;
}

/** A duration as text, within bounds that are given as text too; in milliseconds. */
export function durationText(shortest: string, longest: string) {
  return z.string().transform((text, context): number => {
    const millis = millisOf(text);
    if (millis >= millisOf(shortest) && millis <= millisOf(longest)) return millis;
    context.issues.push({
      code: 'custom',
      input: text,
      message: `use a duration from ${shortest} to ${longest}, such as 10m or 30d`,
    });
    return z.NEVER;
  });
}
