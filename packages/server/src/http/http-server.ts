import { createServer, type Server } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import { ERRORS, fail, newId } from '@parley/protocol';
import type { Logger } from '../telemetry/logger.ts';
import type { App } from './app.ts';
import { failureOf, problemOf } from './problems.ts';

const LIMITS = {
  /** Between them these end connections that trickle: headers within 10 s, a whole request within 30 s. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 5_000,
} as const;

/**
 * The HTTP server for the app, not yet listening. Its `upgrade` event carries requests for a WebSocket alone: an offer
 * of any other protocol is left unanswered, as RFC 9110 §7.8 allows, and served as plain HTTP.
 */
export function createHttpServer(app: App, logger: Logger): Server {
  const listener = getRequestListener(app.fetch, {
    errorHandler(error) {
      const requestId = newId();
      const failure =
        error instanceof RequestError
          ? fail('validation_failed', 'The address or the Host header cannot be read.')
          : failureOf(error, requestId, logger);
      return new Response(JSON.stringify(problemOf(failure, requestId)), {
        status: ERRORS[failure.code].status,
        headers: { 'Content-Type': 'application/problem+json', 'X-Request-Id': requestId },
      });
    },
  });
  const shouldUpgradeCallback = ({ headers }: { headers: { upgrade?: string | undefined } }) =>
    headers.upgrade?.toLowerCase() === 'websocket';
  return createServer({ ...LIMITS, shouldUpgradeCallback }, listener);
}
