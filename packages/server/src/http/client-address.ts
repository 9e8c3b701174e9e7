import { isIP } from 'node:net';

interface Arrival {
  /** The address at the other end of the connection. */
  readonly remoteAddress: string | undefined;
  readonly forwardedFor: string | undefined;
  /** How many proxies of ours stand in front, 0 for none. */
  readonly trustedProxies: number;
}

/**
 * The address a request comes from. Each proxy appends the address it saw to `X-Forwarded-For`, so only as many entries
 * from the right as there are trusted proxies are believed: all others may have been made up by the client.
 */
export function clientAddress({ remoteAddress = 'unknown', forwardedFor, trustedProxies }: Arrival): string {
  if (trustedProxies === 0 || !forwardedFor) return withoutMapping(remoteAddress);
  const hops = forwardedFor.split(',').map((hop) => withoutPort(hop.trim()));
  const address = hops[Math.max(0, hops.length - trustedProxies)];
  return withoutMapping(address && isIP(address) ? address : remoteAddress);
}

/** Whether the client's own connection was encrypted, as far as the trusted proxies say. */
export function arrivedEncrypted(forwardedProto: string | undefined, trustedProxies: number): boolean {
  if (trustedProxies === 0 || !forwardedProto) return false;
  const hops = forwardedProto.split(',').map((hop) => hop.trim().toLowerCase());
  return hops[Math.max(0, hops.length - trustedProxies)] === 'https';
}

function withoutPort(hop: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] ?? hop;
}

function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
