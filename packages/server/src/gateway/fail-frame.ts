import { ERRORS, type ErrorCode, type Fail, type FailureDetails } from '@parley/protocol';

/** A refusal as the socket tells it. */
export function failFrame(ref: number | null, code: ErrorCode, details: FailureDetails = {}): Fail {
  const { detail, errors, retryAfterMs } = details;
  return {
    type: 'fail',
    ref,
    code,
    title: ERRORS[code].title,
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined ? {} : { errors: [...errors] }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
