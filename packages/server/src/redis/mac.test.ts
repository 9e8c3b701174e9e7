import { createHmac, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createMac } from './mac.ts';

test('signs as HMAC-SHA256 does, keys and texts of every length, in one piece or two', () => {
  for (const keyLength of [0, 1, 32, 63, 64, 65, 200]) {
    const key = randomBytes(keyLength);
    const mac = createMac(key);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 500, 40_000]) {
      const text = randomBytes(length);
      const words = 'é'.repeat(length);
      expect(mac(text)).toBe(createHmac('sha256', key).update(text).digest('base64url'));
      expect(mac(text, 'ü\n')).toBe(createHmac('sha256', key).update('ü\n').update(text).digest('base64url'));
      expect(mac(words, 'ü\n')).toBe(createHmac('sha256', key).update('ü\n').update(words).digest('base64url'));
    }
  }
});
