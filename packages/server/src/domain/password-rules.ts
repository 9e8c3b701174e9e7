import { fail } from '@parley/protocol';
import { COMMON_PASSWORDS, COMMON_WORDS } from './common-passwords.ts';

/**
 * Refuses a password that would be among the first to be tried: the commonest ones and their families, and those made
 * of the username. There are no rules of composition, after NIST SP 800-63B §3.1.1.2: length is what counts.
 * @throws Failure `weak_password`
 */
export function assertStrongPassword(password: string, username: string): void {
  const text = password.toLowerCase();
  if (isCommon(text) || isMadeOf(username.toLowerCase(), text)) throw fail('weak_password');
}

function isCommon(text: string): boolean {
  return COMMON_PASSWORDS.has(text) || isCommonWord(text) || isWalk(text) || isRepetition(text) || isDate(text);
}

/** How many digits or signs around a common word leave it as guessable as it was. */
const DECORATION = 6;

function isCommonWord(text: string): boolean {
  for (let start = 0; start <= DECORATION; start += 1) {
    for (let end = text.length; end > start && start + text.length - end <= DECORATION; end -= 1) {
      if (disguises(text.slice(start, end)).some((word) => COMMON_WORDS.has(word))) return true;
      if (isLetter(text[end - 1])) break;
    }
    if (isLetter(text[start])) break;
  }
  return false;
}

function isLetter(character: string | undefined): boolean {
  return character !== undefined && /\p{L}/u.test(character);
}

const LOOK_ALIKES: Readonly<Record<string, string>> = {
  '0': 'o',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
  '@': 'a',
  $: 's',
  '+': 't',
};

/** The text with its look-alike characters read as letters: 1, ! and | may stand for an i or an l. */
function disguises(text: string): string[] {
  const letters = text.replace(/[034578@$+]/g, (character) => LOOK_ALIKES[character] ?? character);
  return [letters, letters.replace(/[1!|]/g, 'i'), letters.replace(/[1!|]/g, 'l')];
}

/** Lines on which a finger, or a counting mind, walks: in either direction. */
const LINES = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  '!@#$%^&*()_+',
  '`1234567890-=',
  'qwertyuiop[]',
  "asdfghjkl;'",
  'zxcvbnm,./',
  'qwertzuiopü',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  ...[
    '1qaz',
    '2wsx',
    '3edc',
    '4rfv',
    '5tgb',
    '6yhn',
    '7ujm',
    '8ik,',
    '9ol.',
    '0okm',
    '9ijn',
    '8uhb',
    '7ygv',
    '6tfc',
    '5rdx',
  ],
  ...['147', '258', '369', '159', '357'],
].flatMap((line) => [line, [...line].reverse().join('')]);

const SHORTEST_RUN = 3;
const MOST_RUNS = 4;
/** Characters beside the runs that change nothing: `a12345678`. */
const MOST_STRAY = 2;

/** Made of a few runs along the lines or of one character: 12345678, qwerty123, 1qaz2wsx, and 1q2w3e4r or 11223344. */
function isWalk(text: string): boolean {
  if (isChainOfRuns(text, MOST_STRAY)) return true;
  const odd = [...text].filter((_, index) => index % 2 === 0).join('');
  const even = [...text].filter((_, index) => index % 2 === 1).join('');
  return isChainOfRuns(odd, 0) && isChainOfRuns(even, 0);
}

function isChainOfRuns(text: string, strayAllowed: number): boolean {
  let position = 0;
  let stray = 0;
  let runs = 0;
  while (position < text.length) {
    const length = runLength(text, position);
    if (length >= SHORTEST_RUN) {
      runs += 1;
      position += length;
    } else {
      stray += 1;
      position += 1;
    }
    if (stray > strayAllowed || runs > MOST_RUNS) return false;
  }
  return runs > 0;
}

function runLength(text: string, start: number): number {
  let longest = 1;
  while (text[start + longest] === text[start]) longest += 1;
  for (const line of LINES) {
    let on = line.indexOf(text[start] as string);
    if (on < 0) continue;
    let length = 0;
    while (on < line.length && line[on] === text[start + length]) {
      on += 1;
      length += 1;
    }
    longest = Math.max(longest, length);
  }
  return longest;
}

/** A short or common piece over and over: abababab, 19901990, dragondragon. */
function isRepetition(text: string): boolean {
  for (let size = 1; size <= text.length / 2; size += 1) {
    if (text.length % size !== 0) continue;
    const piece = text.slice(0, size);
    if (text === piece.repeat(text.length / size)) return size <= 4 || isCommon(piece);
  }
  return false;
}

/** Eight digits that are a day: 31121999, 12311999, 19991231. */
function isDate(text: string): boolean {
  return (
    /^(0[1-9]|[12]\d|3[01])(0[1-9]|[12]\d|3[01])(19|20)\d\d$/.test(text) ||
    /^(19|20)\d\d(0[1-9]|[12]\d|3[01])(0[1-9]|[12]\d|3[01])$/.test(text)
  );
}

/** Fewer characters than this beside the username are soon tried. */
const SHORTEST_REST = 5;

function isMadeOf(username: string, text: string): boolean {
  const bare = username.replace(/[^a-z]+$/, '');
  const names = [username, bare, [...username].reverse().join('')].filter((name) => name.length >= 3);
  return names.some((name) =>
    disguises(text).some((reading) => {
      if (!reading.includes(name) && !text.includes(name)) return false;
      const rest = text.includes(name) ? text.replaceAll(name, '') : reading.replaceAll(name, '');
      return rest.length < SHORTEST_REST || isWalk(rest);
    }),
  );
}
