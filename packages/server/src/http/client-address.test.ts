import { expect, test } from 'vitest';
import { arrivedEncrypted, clientAddress } from './client-address.ts';

test.each([
  ['without proxies the header is not believed', '198.51.100.7', '203.0.113.9', 0, '198.51.100.7'],
  ['one proxy: the entry that it appended', '10.0.0.1', '1.1.1.1, 203.0.113.9', 1, '203.0.113.9'],
  ['two proxies: the entry of the outer one', '10.0.0.1', '1.1.1.1, 203.0.113.9, 10.0.0.2', 2, '203.0.113.9'],
  ['fewer entries than proxies: the leftmost', '10.0.0.1', '203.0.113.9', 3, '203.0.113.9'],
  ['no header: the connection', '10.0.0.1', undefined, 1, '10.0.0.1'],
  ['nonsense: the connection', '10.0.0.1', 'javascript:alert(1)', 1, '10.0.0.1'],
  ['a port is cut off', '10.0.0.1', '203.0.113.9:5061', 1, '203.0.113.9'],
  ['IPv6 in brackets', '10.0.0.1', '[2001:db8::1]:443', 1, '2001:db8::1'],
  ['IPv6', '10.0.0.1', '2001:db8::1', 1, '2001:db8::1'],
  ['IPv4 in IPv6 clothes', '::ffff:198.51.100.7', undefined, 0, '198.51.100.7'],
  ['no connection at all', undefined, undefined, 0, 'unknown'],
])('%s', (_, remoteAddress, forwardedFor, trustedProxies, address) => {
  expect(clientAddress({ remoteAddress, forwardedFor, trustedProxies })).toBe(address);
});

test.each([
  ['https', 0, false],
  ['https', 1, true],
  ['HTTPS', 1, true],
  ['http', 1, false],
  ['https, http', 1, false],
  ['https, http', 2, true],
  [undefined, 1, false],
])('X-Forwarded-Proto %s behind %i proxies is encrypted: %s', (header, trustedProxies, encrypted) => {
  expect(arrivedEncrypted(header, trustedProxies)).toBe(encrypted);
});
