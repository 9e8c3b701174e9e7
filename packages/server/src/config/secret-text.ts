import * as z from 'zod';

const FEWEST_BYTES = 32;
const FEWEST_DISTINCT_CHARACTERS = 8;
const SAMPLES = [
  'changeme',
  'change-me',
  'change_me',
  'secret',
  'password',
  'example',
  'sample',
  'placeholder',
  'parley',
];

/** A secret that somebody else could not have guessed: 32 bytes or more, and none of the texts that manuals print. */
export const SecretText = z.string().transform((text, context): string => {
  const weakness = weaknessOf(text);
  if (!weakness) return text;
  context.issues.push({
    code: 'custom',
    input: text,
    message: `${weakness}: leave it unset to have one made, or use what \`openssl rand -base64 32\` prints`,
  });
  return z.NEVER;
});

function weaknessOf(text: string): string | null {
  if (Buffer.byteLength(text) < FEWEST_BYTES) return `needs at least ${FEWEST_BYTES} bytes`;
  if (SAMPLES.some((sample) => text.toLowerCase().includes(sample))) return 'looks like the sample of a manual';
  if (new Set(text).size < FEWEST_DISTINCT_CHARACTERS) return 'has too few different characters';
  if (repeatsItself(text) || mostlyCounts(text)) return 'follows a pattern that is easily guessed';
  return null;
}

/** Whether the text is one piece said twice or more, the last time maybe in part: found at its start in itself doubled. */
function repeatsItself(text: string): boolean {
  for (let period = 1; period <= text.length / 2; period++) {
    if (text.startsWith(text.slice(period))) return true;
  }
  return false;
}

/** Whether most characters are neighbours of the one before, as in `abcdef…` or `9876…`. */
function mostlyCounts(text: string): boolean {
  let steps = 0;
  for (let index = 1; index < text.length; index++) {
    if (Math.abs(text.charCodeAt(index) - text.charCodeAt(index - 1)) === 1) steps++;
  }
  return steps > text.length / 2;
}
