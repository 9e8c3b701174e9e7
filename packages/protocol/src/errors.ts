/** What a client does about an error: mend the request, send it again later, wait as told, sign in, or give up. */
export type Remedy = 'fix' | 'retry' | 'wait' | 'sign-in' | 'give-up';

interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  readonly remedy: Remedy;
}

/**
 * Every error that Parley answers with, by REST and on the socket. `retry` codes leave the outcome unknown: sending
 * the same message id again converges. All others mean that nothing happened.
 */
export const ERRORS = {
  malformed_json: { status: 400, title: 'This is not valid JSON.', remedy: 'fix' },
  validation_failed: { status: 400, title: 'Some fields are missing or not as they should be.', remedy: 'fix' },
  unknown_frame: { status: 400, title: 'There is no frame of this type.', remedy: 'fix' },
  binary_frame: { status: 400, title: 'Frames are JSON text; binary ones are not read.', remedy: 'fix' },
  already_signed_in: { status: 400, title: 'This socket has already said hello.', remedy: 'fix' },
  unsupported_subprotocol: { status: 400, title: 'The socket speaks the subprotocol parley.v1.', remedy: 'fix' },

  not_authenticated: { status: 401, title: 'Sign in to do this.', remedy: 'sign-in' },
  invalid_token: { status: 401, title: 'This token is not valid, or no longer.', remedy: 'sign-in' },
  invalid_credentials: { status: 401, title: 'The username or the password is not right.', remedy: 'fix' },
  session_ended: { status: 401, title: 'This session has ended.', remedy: 'sign-in' },

  forbidden: { status: 403, title: 'You may not do this here.', remedy: 'give-up' },
  not_a_member: { status: 403, title: 'Join the channel first.', remedy: 'fix' },
  origin_refused: { status: 403, title: 'Pages of this origin may not connect.', remedy: 'give-up' },

  not_found: { status: 404, title: 'There is nothing here, or nothing that you may see.', remedy: 'give-up' },
  channel_not_found: { status: 404, title: 'There is no such channel, or none that you may see.', remedy: 'give-up' },
  user_not_found: { status: 404, title: 'There is no such person.', remedy: 'fix' },
  method_not_allowed: { status: 405, title: 'This address does not take this method.', remedy: 'give-up' },

  username_taken: { status: 409, title: 'Somebody already has this username.', remedy: 'fix' },
  channel_name_taken: { status: 409, title: 'There is already a channel of this name.', remedy: 'fix' },
  channel_archived: { status: 409, title: 'The channel is archived: it can be read, not changed.', remedy: 'give-up' },
  direct_fixed: {
    status: 409,
    title: 'The people of a direct conversation stay the same: start a new one instead.',
    remedy: 'give-up',
  },
  last_owner: { status: 409, title: 'A channel keeps at least one owner: name another one first.', remedy: 'fix' },
  rev_conflict: { status: 409, title: 'Somebody changed this in the meantime: look at it again.', remedy: 'fix' },
  id_conflict: { status: 409, title: 'This message id already names another message.', remedy: 'fix' },

  payload_too_large: { status: 413, title: 'This is larger than 64 KiB.', remedy: 'fix' },
  unsupported_media_type: { status: 415, title: 'Send JSON, as application/json.', remedy: 'fix' },
  weak_password: { status: 422, title: 'This password is among the first that anyone would try.', remedy: 'fix' },

  throttled: { status: 429, title: 'You are sending faster than the limit.', remedy: 'wait' },
  too_many_attempts: { status: 429, title: 'Too many attempts: wait a little.', remedy: 'wait' },

  internal: { status: 500, title: 'Something went wrong on our side.', remedy: 'retry' },
  unavailable: { status: 503, title: 'The server cannot do this just now.', remedy: 'retry' },
  timeout: { status: 504, title: 'The answer took too long: it may or may not have happened.', remedy: 'retry' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Details that ride with an error: a sentence, the fields at fault, how long to wait. */
export interface FailureDetails {
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly retryAfterMs?: number;
}

/** An error of the catalogue, thrown in the core and mapped once at the edge. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: ErrorCode;
  readonly details: FailureDetails;

  constructor(code: ErrorCode, details: FailureDetails = {}, options?: ErrorOptions) {
    super(details.detail ?? ERRORS[code].title, options);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get remedy(): Remedy {
    return ERRORS[this.code].remedy;
  }
}

/** Makes the error to throw: `throw fail('channel_archived')`. */
export function fail(code: ErrorCode, details?: FailureDetails | string): Failure {
  return new Failure(code, typeof details === 'string' ? { detail: details } : details);
}
