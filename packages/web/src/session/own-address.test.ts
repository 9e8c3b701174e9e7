import { expect, test } from 'vitest';
import { ownAddress } from './own-address.ts';

test('addresses on this site may be gone to after signing in', () => {
  for (const address of ['/', '/c/0199', '/discover?x=1#y']) expect(ownAddress(address)).toBe(address);
});

test('addresses that lead elsewhere may not', () => {
  const elsewhere = [
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '',
  ];
  for (const address of [...elsewhere, 7, null, undefined]) expect(ownAddress(address)).toBeUndefined();
});
