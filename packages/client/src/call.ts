import {
  type AnswerOf,
  type AnyEndpoint,
  API_PREFIX,
  ERRORS,
  type ErrorCode,
  Failure,
  type FailureDetails,
  fail,
} from '@parley/protocol';

/** The parts of a request, whatever its endpoint. */
export interface Parts {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

/** Makes one request. Refusals are the server's `Failure`; no answer is `unavailable`, none in time `timeout`. */
export type Call = <E extends AnyEndpoint>(endpoint: E, parts: Parts, token: string | null) => Promise<AnswerOf<E>>;

const ANSWER_WITHIN_MS = 30_000;

export interface CallOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  /** Whether the browser's cookies go along: they hold the refresh token of a `cookie` session. */
  readonly cookies: boolean;
}

export function createCall(options: CallOptions): Call {
  // Called as a function of nothing: browsers refuse a `fetch` that has become somebody's method.
  const send = options.fetch;
  return async <E extends AnyEndpoint>(endpoint: E, parts: Parts, token: string | null) => {
    const url = new URL(API_PREFIX + pathOf(endpoint, parts.params), options.url);
    for (const [key, value] of Object.entries(parts.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (endpoint.body !== undefined) headers['content-type'] = 'application/json';
    try {
      const response = await send(url, {
        method: endpoint.method,
        headers,
        credentials: options.cookies ? 'same-origin' : 'omit',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        ...(endpoint.body === undefined ? {} : { body: JSON.stringify(parts.body ?? {}) }),
      });
      if (!response.ok) throw await refusalOf(response);
      // Not checked against the schema: a newer server may say more than this version knows.
      return (response.status === 204 ? undefined : await response.json()) as AnswerOf<E>;
    } catch (error) {
      throw asFailure(error);
    }
  };
}

/** Fills the braces of a path. The parameters are checked first, so that none can lead to another path. */
function pathOf(endpoint: AnyEndpoint, params: unknown): string {
  if (endpoint.params === undefined) return endpoint.path;
  const read = endpoint.params.safeParse(params);
  if (!read.success) throw fail('validation_failed', `The parameters of ${endpoint.path} are not valid.`);
  const values = read.data as Record<string, string>;
  return endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new Failure('timeout', {}, { cause: error });
  }
  return new Failure('unavailable', { detail: 'The server cannot be reached.' }, { cause: error });
}

async function refusalOf(response: Response): Promise<Failure> {
  const problem = await problemOf(response);
  const { code, detail, title, errors, retryAfterMs } = problem;
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code);
  const sentence = typeof detail === 'string' ? detail : known ? undefined : title;
  const wait = typeof retryAfterMs === 'number' ? retryAfterMs : retryAfterOf(response);
  return new Failure(known ? (code as ErrorCode) : codeOfStatus(response.status), {
    ...(typeof sentence === 'string' ? { detail: sentence } : {}),
    ...(Array.isArray(errors) ? { errors: errors as NonNullable<FailureDetails['errors']> } : {}),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    // A proxy in between answers in HTML, or not at all: the status has to do.
    return {};
  }
}

function retryAfterOf(response: Response): number | undefined {
  const header = response.headers.get('retry-after');
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : undefined;
}

/** What a status means where the answer does not say it in the catalogue's words. */
function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 401:
      return 'not_authenticated';
    case 403:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 405:
      return 'method_not_allowed';
    case 408:
    case 504:
      return 'timeout';
    case 413:
      return 'payload_too_large';
    case 429:
      return 'too_many_attempts';
    case 502:
    case 503:
      return 'unavailable';
    default:
      return status >= 500 ? 'internal' : 'validation_failed';
  }
}
