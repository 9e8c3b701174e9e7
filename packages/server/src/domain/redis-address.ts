/** What REDIS_URL names: one Redis, or some of the nodes of a cluster, which know the others. */
export interface RedisAddress {
  readonly isCluster: boolean;
  /** A `redis://` or `rediss://` URL for each, with the same credentials. */
  readonly urls: readonly string[];
}

/** Reads `redis://…`, or `redis+cluster://user:password@host:port,host:port`; with `rediss`, both speak TLS. */
export function readRedisAddress(text: string): RedisAddress {
  const parts = /^(rediss?)\+cluster:\/\/([^@]*@)?([^@]*)$/.exec(text);
  if (!parts) return { isCluster: false, urls: [text] };
  const [, protocol, credentials = '', hosts = ''] = parts;
  return { isCluster: true, urls: hosts.split(',').map((host) => `${protocol}://${credentials}${host}`) };
}
