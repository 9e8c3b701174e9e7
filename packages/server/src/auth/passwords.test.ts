import { hash } from '@node-rs/argon2';
import { expect, test } from 'vitest';
import { createPasswords } from './passwords.ts';

test('a hash is Argon2id of 19 MiB, two passes, one lane, with a salt of its own', async () => {
  const passwords = createPasswords();
  const [one, other] = await Promise.all([passwords.hash('lavender teapot'), passwords.hash('lavender teapot')]);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(one).not.toBe(other);
});

test.each(['lavender teapot', 'пароль с пробелами', '🐙'.repeat(64), 'x'.repeat(128), ' leading and trailing '])(
  '%s is right for its own hash alone, unchanged',
  async (password) => {
    const passwords = createPasswords();
    const kept = await passwords.hash(password);
    expect(await passwords.verify(kept, password)).toBe(true);
    for (const other of [`${password} `, password.trim().slice(1), password.toUpperCase() + password.toLowerCase()]) {
      expect(await passwords.verify(kept, other)).toBe(false);
    }
  },
);

test("nobody's password is never right, and as slow to refuse", async () => {
  const passwords = createPasswords();
  const kept = await passwords.hash('lavender teapot');
  const timed = async (hashed: string | null) => {
    const started = performance.now();
    expect(await passwords.verify(hashed, 'something else')).toBe(false);
    return performance.now() - started;
  };
  await timed(null);
  const known: number[] = [];
  const unknown: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    known.push(await timed(kept));
    unknown.push(await timed(null));
  }
  const median = (times: number[]) => times.sort((one, other) => one - other)[3] as number;
  expect(median(unknown) / median(known)).toBeGreaterThan(0.5);
  expect(median(unknown) / median(known)).toBeLessThan(2);
});

test('more than 1 KiB is refused before hashing', async () => {
  const passwords = createPasswords({ atOnce: 0, waiting: 0 });
  const long = 'x'.repeat(1_025);
  await expect(passwords.hash(long)).rejects.toMatchObject({ code: 'validation_failed' });
  expect(await passwords.verify('not even looked at', long)).toBe(false);
});

test('only so many wait: the next one is told that the server is busy, and those who wait are served', async () => {
  const passwords = createPasswords({ atOnce: 2, waiting: 3 });
  const results = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => passwords.hash(`password number ${n}`)));
  expect(results.map(({ status }) => status)).toEqual([...Array(5).fill('fulfilled'), ...Array(3).fill('rejected')]);
  expect(results.at(-1)).toMatchObject({ reason: { code: 'unavailable' } });
  await expect(passwords.hash('afterwards there is room')).resolves.toMatch(/^\$argon2id/);
});

test('the main thread goes on while passwords are hashed', async () => {
  const passwords = createPasswords();
  let longestPause = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longestPause = Math.max(longestPause, now - last);
    last = now;
  }, 1);
  const started = performance.now();
  await Promise.all(Array.from({ length: 20 }, (_, n) => passwords.hash(`password number ${n}`)));
  const whole = performance.now() - started;
  clearInterval(timer);
  expect(longestPause).toBeLessThan(whole / 2);
});

test('a hash of other parameters is outdated', async () => {
  const passwords = createPasswords();
  expect(passwords.isOutdated(await passwords.hash('lavender teapot'))).toBe(false);
  expect(passwords.isOutdated(await hash('lavender teapot', { memoryCost: 8_192, timeCost: 3 }))).toBe(true);
});
