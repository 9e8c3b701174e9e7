import * as z from 'zod';
import { readRedisAddress } from '../domain/redis-address.ts';

/** A URL that names a place and, maybe, a database of Redis, or the nodes of a cluster. No error repeats it: it may hold a password. */
export const RedisUrlText = z.string().transform((text, context): string => {
  const { isCluster, urls } = readRedisAddress(text);
  const problems = urls.map((url) => problemOf(URL.parse(url), isCluster));
  const message = problems.find((problem) => problem !== null) ?? null;
  if (message === null) return text;
  context.issues.push({ code: 'custom', input: text, message });
  return z.NEVER;
});

function problemOf(url: URL | null, isCluster: boolean): string | null {
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '') {
    return (
      'use redis:// or rediss:// and a host, such as redis://localhost:6379, or for a cluster some of its nodes, such as ' +
      'redis+cluster://a:6379,b:6379'
    );
  }
  if (isCluster && url.pathname.length > 1)
    return 'a cluster has no numbered databases: leave out what follows the hosts';
  if (!/^(\/\d{0,4})?$/.test(url.pathname)) {
    return 'nothing but the number of a database may follow the host, such as /0';
  }
  if (url.search !== '' || url.hash !== '') return 'options after ? or # are not supported';
  return hasBrokenEscapes(url.username + url.password) ? 'a % in the password must be written as %25' : null;
}

/** Whether a part of a URL has a % that begins no escape. */
export function hasBrokenEscapes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return false;
  } catch {
    return true;
  }
}
