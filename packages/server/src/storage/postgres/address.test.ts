import { expect, test } from 'vitest';
import { addressOf, hidePasswords } from './address.ts';

test.each([
  ['postgres://ana:hunter22@db:5432/parley', 'db:5432/parley', 'postgres://ana:***@db:5432/parley'],
  ['postgres://ana@db/parley?sslmode=require', 'db/parley', 'postgres://ana@db/parley?sslmode=require'],
  [
    'postgresql://db/parley?user=ana&password=hunter22&sslpassword=hunter22',
    'db/parley',
    'postgresql://db/parley?user=ana&password=***&sslpassword=***',
  ],
  ['postgres:///parley?host=/run/postgresql', '/run/postgresql/parley', 'postgres:///parley?host=/run/postgresql'],
])('%s is shown without its password', (url, address, hidden) => {
  expect(addressOf(url)).toBe(address);
  expect(decodeURIComponent(hidePasswords(url))).toBe(hidden);
});
