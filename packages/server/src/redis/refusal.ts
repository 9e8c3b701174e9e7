const ELSEWHERE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;

/** What Redis itself said when it refused a command; null where it was not heard, which the connection tells. */
export function refusalIn(error: unknown): string | null {
  if (!(error instanceof Error && error.name === 'ReplyError')) return null;
  const advice = isKeptElsewhere(error) ? ' (REDIS_URL names a node of a cluster: use redis+cluster://)' : '';
  return error.message + advice;
}

/** Whether a node of a cluster refused because another one, or nobody at the moment, keeps what it was asked for. */
export function isKeptElsewhere(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && ELSEWHERE.test(error.message);
}
