import * as z from 'zod/mini';

/** What is said of a text that is too short. */
const atLeast = (least: number) => (least === 1 ? 'may not be empty' : `needs at least ${least} characters`);

/** Counts what a person calls characters: code points, not UTF-16 units. */
export function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

// Two code units make at most one character, so the loop above runs only for texts near the limit.
function hasAtMost(text: string, most: number): boolean {
  return text.length <= most || (text.length <= most * 2 && characterCount(text) <= most);
}

/**
 * Text of `least` to `most` characters after trimming. Lone surrogates become U+FFFD, so that what is stored equals
 * what is sent again; NUL is refused because not every database can hold it.
 */
export function text(least: number, most: number) {
  const schema = z.string().check(
    z.overwrite((value) => value.toWellFormed().trim()),
    z.refine((value) => !value.includes('\u0000'), 'may not contain the NUL character'),
    z.refine((value) => characterCount(value.slice(0, least * 2)) >= least, atLeast(least)),
    z.refine((value) => hasAtMost(value, most), `may have at most ${most} characters`),
  );
  z.globalRegistry.add(schema, { minLength: least, maxLength: most });
  return schema;
}

// Control characters, zero-width characters and bidirectional overrides let one name pose as another.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** A one-line name or label: like `text`, in NFKC, without invisible or direction-changing characters. */
export function label(least: number, most: number) {
  const schema = z.string().check(
    z.overwrite((value) => value.toWellFormed().normalize('NFKC').trim()),
    z.refine((value) => !INVISIBLE.test(value), 'may not contain invisible characters or line breaks'),
    z.refine((value) => characterCount(value.slice(0, least * 2)) >= least, atLeast(least)),
    z.refine((value) => hasAtMost(value, most), `may have at most ${most} characters`),
  );
  z.globalRegistry.add(schema, { minLength: least, maxLength: most });
  return schema;
}
