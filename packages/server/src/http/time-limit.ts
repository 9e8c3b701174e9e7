import { fail } from '@parley/protocol';

/**
 * The promise's result, if it comes within `millis`. The work itself goes on: whether it happened stays unknown.
 * @throws Failure `timeout`
 */
export async function withTimeLimit<Result>(millis: number, work: Promise<Result>): Promise<Result> {
  const { promise: timeIsUp, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(fail('timeout')), millis);
  try {
    return await Promise.race([work, timeIsUp]);
  } finally {
    clearTimeout(timer);
  }
}
