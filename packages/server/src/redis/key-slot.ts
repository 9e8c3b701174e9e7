/** A cluster keeps each key in one of so many slots, and each slot on one node. */
export const SLOTS = 16_384;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 0x8000 ? (remainder << 1) ^ 0x1021 : remainder << 1;
  return remainder;
});

/**
 * The slot of a key or of the channel of a hint: CRC-16 (XMODEM) of what stands between the first `{` and the next `}`,
 * or of all where nothing does. Source: the Redis Cluster specification, "Key distribution model" and "Hash tags".
 */
export function keySlot(key: string): number {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) crc = ((crc << 8) ^ (TABLE[(crc >> 8) ^ byte] as number)) & 0xffff;
  return crc % SLOTS;
}
