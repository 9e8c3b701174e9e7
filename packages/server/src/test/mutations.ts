import type { Chance } from '../../../client/src/test/chance.ts';

const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '',
  'ref',
  'type',
  'body',
  '$ne',
  '0',
  'length',
  'then',
];
const NUMBERS = [
  '-1',
  '0',
  '-0',
  '1.5',
  '1e400',
  '-1e400',
  '1e308',
  '9007199254740993',
  '123456789012345678901234567890',
  '0.1e-999',
];

const anyValue: readonly ((chance: Chance) => string)[] = [
  (chance) => chance.pick(NUMBERS),
  (chance) => chance.pick(['null', 'true', 'false', '""', '[]', '{}', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"']),
  (chance) => JSON.stringify(randomText(chance, chance.between(1, 40))),
  (chance) => '['.repeat(chance.between(1, 2_000)).padEnd(1) + ']'.repeat(chance.between(0, 1_999)),
  (chance) => nested(chance.between(1, 5_000)),
  (chance) => `{${JSON.stringify(chance.pick(KEYS))}:{"polluted":true}}`,
  (chance) => `"${'x'.repeat(chance.between(0, 19_999))}"`,
  (chance) => `[${Array.from({ length: chance.between(0, 49) }, () => chance.pick(NUMBERS)).join()}]`,
];

const nested = (depth: number) => `${'{"a":['.repeat(depth)}${']}'.repeat(depth)}`;

/** Text of characters from everywhere in Unicode, lone surrogates among them. */
function randomText(chance: Chance, length: number): string {
  return Array.from({ length }, () => {
    const width = chance.pick([0x80, 0x800, 0x10000, 0x110000]);
    return String.fromCodePoint(chance.between(0, width - 1));
  }).join('');
}

type Change = (text: string, chance: Chance) => string;

/** Puts something else where a JSON value stands. */
const swapValue: Change = (text, chance) => {
  const values = [...text.matchAll(/(?<=:)("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null)/g)];
  if (values.length === 0) return text;
  const { index, 0: found } = chance.pick(values);
  return text.slice(0, index) + chance.pick(anyValue)(chance) + text.slice(index + found.length);
};

const insert: Change = (text, chance) => {
  const at = chance.between(0, text.length);
  return text.slice(0, at) + randomText(chance, chance.between(1, 8)) + text.slice(at);
};

const addKey: Change = (text, chance) => {
  const open = text.indexOf('{');
  if (open < 0) return text;
  const member = `${JSON.stringify(chance.pick(KEYS))}:${chance.pick(anyValue)(chance)}`;
  return `${text.slice(0, open + 1)}${member},${text.slice(open + 1)}`;
};

const repeatMember: Change = (text, chance) => {
  const members = [...text.matchAll(/"\w+":("(?:[^"\\]|\\.)*"|-?\d+)/g)];
  return members.length === 0 ? text : text.replace('{', () => `{${chance.pick(members)[0]},`);
};

const dropPart: Change = (text, chance) => {
  const start = chance.between(0, text.length - 1);
  return text.slice(0, start) + text.slice(start + chance.between(1, 12));
};

const CHANGES: readonly Change[] = [
  swapValue,
  swapValue,
  addKey,
  repeatMember,
  insert,
  dropPart,
  (text, chance) => text.slice(0, chance.between(0, text.length)),
  (text, chance) => text.repeat(chance.between(2, 4)),
  (text, chance) =>
    text.replace(/"(\w)/, (_, letter: string) => `"\\u00${letter.charCodeAt(0).toString(16)}${chance.pick(['', 'x'])}`),
  (_, chance) => chance.pick(anyValue)(chance),
  (text) => text,
];

/** A valid text, changed in one to three places. */
export function mutate(text: string, chance: Chance): string {
  let mutant = text;
  for (let changes = chance.between(1, 3); changes > 0; changes -= 1) mutant = chance.pick(CHANGES)(mutant, chance);
  return mutant;
}

/** The same with some bits of its bytes flipped now and then, so that it may be no UTF-8. */
export function mutateBytes(text: string, chance: Chance): Buffer {
  const bytes = Buffer.from(mutate(text, chance));
  if (bytes.length === 0 || chance.between(0, 2) > 0) return bytes;
  for (let flips = chance.between(1, 4); flips > 0; flips -= 1) {
    const at = chance.between(0, bytes.length - 1);
    bytes[at] = (bytes[at] as number) ^ (1 << chance.between(0, 7));
  }
  return bytes;
}
