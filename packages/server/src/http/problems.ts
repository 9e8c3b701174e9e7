import { ERRORS, Failure, fail, type Problem } from '@parley/protocol';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from '../telemetry/logger.ts';
import type { HttpContext } from './context.ts';

/** The problem (RFC 9457) that a failure becomes. */
export function problemOf({ code, details }: Failure, requestId: string): Problem {
  const { status, title } = ERRORS[code];
  const { detail, errors, retryAfterMs } = details;
  return {
    type: `urn:parley:problem:${code}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    code,
    requestId,
    ...(errors === undefined ? {} : { errors: [...errors] }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Answers with the failure's problem, its `Retry-After` in whole seconds, rounded up. */
export function answerProblem(context: HttpContext, failure: Failure): Response {
  const problem = problemOf(failure, context.var.requestId);
  context.header('Content-Type', 'application/problem+json');
  if (problem.status === 401) context.header('WWW-Authenticate', 'Bearer');
  if (problem.retryAfterMs !== undefined) {
    context.header('Retry-After', String(Math.max(1, Math.ceil(problem.retryAfterMs / 1_000))));
  }
  return context.body(JSON.stringify(problem), problem.status as ContentfulStatusCode);
}

/** The failure that an error is to the outside. What is not in the catalogue is logged and told to nobody. */
export function failureOf(error: unknown, requestId: string, logger: Logger): Failure {
  if (error instanceof Failure) {
    if (error.status >= 500) logger.warn({ err: error, requestId }, `A request failed: ${error.code}.`);
    return error;
  }
  logger.error({ err: error, requestId }, 'A request failed for a reason that nobody foresaw.');
  return fail('internal');
}
