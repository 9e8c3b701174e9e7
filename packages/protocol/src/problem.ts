import * as z from 'zod/mini';
import { ERRORS, type ErrorCode } from './errors.ts';

export const ErrorCodeName = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);

/** RFC 9457 `application/problem+json`, as every refused request gets it. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.optional(z.string()),
  code: ErrorCodeName,
  requestId: z.string(),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
  retryAfterMs: z.optional(z.int()),
});
export type Problem = z.infer<typeof Problem>;
