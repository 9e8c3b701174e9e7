import { expect, test } from 'vitest';
import { initialsOf, parseUsernames } from './names.ts';

test('usernames may be separated by commas, spaces or lines, with or without @, and count once', () => {
  expect(parseUsernames(' ana, @bo\nchris;ana ')).toEqual(['ana', 'bo', 'chris']);
  expect(parseUsernames(' , ')).toEqual([]);
});

test('initials are those of the first and the last word, whole characters', () => {
  expect(initialsOf('Ana María López')).toBe('AL');
  expect(initialsOf('bo')).toBe('B');
  expect(initialsOf('𝒜lice')).toBe('𝒜');
  expect(initialsOf('👩‍🚀 Ana 🇪🇸')).toBe('👩‍🚀🇪🇸');
  expect(initialsOf('')).toBe('?');
});
