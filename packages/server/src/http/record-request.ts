import { API_PREFIX } from '@parley/protocol';
import type { MiddlewareHandler } from 'hono';
import type { Services } from '../actions/services.ts';
import type { HttpEnv } from './context.ts';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS']);
const LONGEST_PATH = 200;

/** Measures every request, and writes a line of the API log for each one to the REST API. */
export function recordRequest({
  clock,
  metrics,
  apiLog,
}: Pick<Services, 'clock' | 'metrics' | 'apiLog'>): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const started = clock.monotonic();
    await next();
    const millis = clock.monotonic() - started;
    const { method } = context.req;
    const { status } = context.res;
    const { route = 'unmatched', username = '-' } = context.var;
    metrics.httpRequestSeconds.observe(
      { method: METHODS.has(method) ? method : 'other', route, status },
      millis / 1_000,
    );
    // The address as it was sent: encoded, so on one line, and without the query, where people put what they should not.
    const { pathname } = new URL(context.req.url);
    if (!pathname.startsWith(`${API_PREFIX}/`)) return;
    apiLog.info(
      'API CALL',
      `${method} ${pathname.slice(0, LONGEST_PATH)} | User: ${username} | Status: ${status} | ${millis.toFixed(1)} ms`,
    );
  };
}
