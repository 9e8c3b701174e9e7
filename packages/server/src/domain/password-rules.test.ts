import { Failure } from '@parley/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COMMON_PASSWORDS } from './common-passwords.ts';
import { assertStrongPassword } from './password-rules.ts';

function isRefused(password: string, username = 'somebody'): boolean {
  try {
    assertStrongPassword(password, username);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).code).toBe('weak_password');
    return true;
  }
}

test.each([
  'password',
  'PASSWORD',
  'Password1',
  'password123',
  'p@ssw0rd',
  'P@ssw0rd!',
  'pa55word',
  '123password',
  'passwordpassword',
  'parley123',
  'parleychat',
  'P4rl3y2026',
  'iloveyou',
  'iloveyou2',
  'princess1',
  'football12',
  'dragon2010',
  'letmein!!',
  'l3tm31n!',
  'sunshine',
  'welcome1',
  'trustno1',
  'Summer2024!',
  'december25',
  'michael1',
  '1michael',
])('the common word %s is refused in every disguise', (password) => {
  expect(isRefused(password)).toBe(true);
});

test.each([
  '12345678',
  '123456789',
  '1234567890',
  '0123456789',
  '87654321',
  '0987654321',
  '11111111',
  'aaaaaaaa',
  '00000000',
  '12341234',
  'abcdefgh',
  'abcd1234',
  'abc12345',
  'a1b2c3d4',
  '11223344',
  '112233445566',
  '12344321',
  '123123123',
  '123321123',
  'qwertyui',
  'qwertyuiop',
  'qwerty123',
  'qwerty123456',
  'asdfghjkl',
  'zxcvbnm1',
  '1q2w3e4r',
  'q1w2e3r4',
  '1qaz2wsx',
  'zaq12wsx',
  'qazwsxedc',
  '1qazxsw2',
  'azertyuiop',
  'qwertzuiop',
  '147258369',
  '789456123',
  '7894561230',
  'a12345678',
  '12345678a',
  'aa123456',
  'abababab',
  '19901990',
  'xyzzxyzz',
  '!@#$%^&*',
  '!qaz@wsx#edc'.replaceAll(/[!@#]/g, '1'),
])('the walk or repetition %s is refused', (password) => {
  expect(isRefused(password)).toBe(true);
});

test.each(['31121999', '12311999', '19991231', '20240229'])('the date %s is refused', (password) => {
  expect(isRefused(password)).toBe(true);
});

test.each([
  ['alexandria', 'alexandria'],
  ['Zebulon', 'zebulon1'],
  ['zebulon', 'Zebulon2024'],
  ['zebulon99', 'zebulon2024'],
  ['zebulon', 'zebulon12345678'],
  ['zebulon', 'z3bul0n!!'],
  ['zebulon', 'nolubez1'],
  ['bob', 'bobbobbob'],
])('for %s the password %s, made of the name, is refused', (username, password) => {
  expect(isRefused(password, username)).toBe(true);
});

test.each([
  'correct horse battery',
  'xkcd-936-staple',
  'hunter2hunter3',
  'tr0ub4dor&3',
  'mein Hund mag Käse',
  'ключ от квартиры',
  '안녕하세요여러분',
  'kv7Qz2pLw9',
  'parley is where we talk',
  'zebulon-likes-plums',
  '83920174',
  'lavender teapot',
  '🐙🦀🐡🦑🐠🐟🐬🐳',
])('%s is taken: there are no rules of composition', (password) => {
  expect(isRefused(password, 'zebulon')).toBe(false);
});

test('random passwords are taken', () => {
  const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  const random = fc.array(fc.constantFrom(...alphabet), { minLength: 14, maxLength: 128, size: 'max' });
  fc.assert(fc.property(random, (characters) => new Set(characters).size < 8 || !isRefused(characters.join(''))));
});

test('every listed password is refused, and long enough to be asked for at all', () => {
  for (const password of COMMON_PASSWORDS) {
    expect(password.length).toBeGreaterThanOrEqual(8);
    expect(isRefused(password)).toBe(true);
  }
});

test('a password of any shape is judged in milliseconds', () => {
  for (const piece of ['a', '1q', 'abc', 'password', '😀', '1!']) {
    const started = performance.now();
    isRefused(piece.repeat(128).slice(0, 128), piece.repeat(32).slice(0, 32));
    expect(performance.now() - started).toBeLessThan(50);
  }
});
