/** An address on this site, as it may stand in a link that anybody made; undefined for everything else. */
export function ownAddress(value: unknown): string | undefined {
  // `//host` and `/\host` lead elsewhere, and browsers drop tabs and line breaks before they look.
  return typeof value === 'string' && /^\/(?![/\\])[^\p{Cc}]*$/u.test(value) ? value : undefined;
}
