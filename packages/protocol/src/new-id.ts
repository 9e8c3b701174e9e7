let lastMillis = 0;
let counter = 0;

/**
 * A new UUIDv7 (RFC 9562 §5.7, method 1): 48 bits of milliseconds, a 12-bit counter that keeps ids made in the same
 * millisecond ascending, 62 random bits. Ascending ids keep the database's index warm.
 */
export function newId(now: number = Date.now()): string {
  if (now > lastMillis) {
    lastMillis = now;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMillis += 1;
    counter = 0;
  }
  const random = crypto.getRandomValues(new Uint8Array(8));
  random[0] = ((random[0] as number) & 0x3f) | 0x80;
  const time = lastMillis.toString(16).padStart(12, '0');
  const tail = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const low = `7${counter.toString(16).padStart(3, '0')}`;
  return `${time.slice(0, 8)}-${time.slice(8)}-${low}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}
