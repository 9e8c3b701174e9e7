import * as z from 'zod/mini';

/** A whole number written in a query string. */
export function wholeNumber(least: number, most: number) {
  const digits = z.string().check(z.regex(/^\d{1,15}$/, 'needs a whole number'));
  return z.pipe(z.pipe(digits, z.transform(Number)), z.int().check(z.minimum(least), z.maximum(most)));
}
