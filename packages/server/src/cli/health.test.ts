import { expect, test } from 'vitest';
import { ownAddress } from './health.ts';

test.each([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
  ['10.0.0.7', '10.0.0.7'],
  ['localhost', 'localhost'],
])('a server that listens on %s is asked at %s', (host, address) => {
  expect(ownAddress(host)).toBe(address);
});
