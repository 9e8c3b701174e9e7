import {
  type AnswerOf,
  type AnyEndpoint,
  API_PREFIX,
  type BodyOf,
  fail,
  type ParamsOf,
  type QueryOf,
} from '@parley/protocol';
import type { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { SignedInActor } from '../actions/authenticate.ts';
import { validate } from '../domain/validate.ts';
import { bearerToken } from './auth.ts';
import type { HttpContext, HttpEnv } from './context.ts';
import { answerProblem } from './problems.ts';
import { readJson } from './request-body.ts';
import { withTimeLimit } from './time-limit.ts';

type AnswerWith = (status: number) => void;

/** A request that anybody may make, checked. */
export interface OpenRequest<E extends AnyEndpoint> {
  readonly params: ParamsOf<E>;
  readonly query: QueryOf<E>;
  readonly body: BodyOf<E>;
  /** For cookies, addresses and log fields; the rest is above. */
  readonly context: HttpContext;
  /** Answers with another of the endpoint's statuses than its first. */
  readonly answerWith: AnswerWith;
}

/** A request from somebody who is signed in. */
export interface ApiRequest<E extends AnyEndpoint> extends OpenRequest<E> {
  readonly actor: SignedInActor;
}

type Handler<E extends AnyEndpoint, Request> = (request: Request) => Promise<AnswerOf<E>>;

export interface Router {
  /** Serves an endpoint of the protocol to those who are signed in. */
  route<E extends AnyEndpoint>(endpoint: E, handler: Handler<E, ApiRequest<E>>): void;
  /** Serves an endpoint to everybody. */
  routeOpen<E extends AnyEndpoint>(endpoint: E, handler: Handler<E, OpenRequest<E>>): void;
  /** Serves anything else that is read. */
  get(path: string, handler: (context: HttpContext) => Response | Promise<Response>): void;
  /** Refuses the other methods of every path added since the last call, naming those it takes. */
  refuseOtherMethods(): void;
}

interface RouterOptions {
  readonly authenticate: (accessToken: string) => Promise<SignedInActor>;
  /** How long a handler may take, in milliseconds. */
  readonly timeLimitMs: number;
}

/** The table of everything that the server answers, made from the endpoints of the protocol. */
export function createRouter(app: Hono<HttpEnv>, { authenticate, timeLimitMs }: RouterOptions): Router {
  const methodsOf = new Map<string, string[]>();

  function add(method: string, path: string, handler: (context: HttpContext) => Response | Promise<Response>): void {
    methodsOf.set(path, [...(methodsOf.get(path) ?? []), method]);
    app.on(method, path, handler);
  }

  function serve(
    endpoint: AnyEndpoint,
    answer: (context: HttpContext, answerWith: AnswerWith) => Promise<unknown>,
  ): void {
    const path = API_PREFIX + endpoint.path;
    add(endpoint.method, path.replace(/\{(\w+)\}/g, ':$1'), async (context) => {
      context.set('route', path);
      context.header('Cache-Control', 'no-store');
      let status = endpoint.statuses[0];
      const answerWith = (other: number) => {
        status = other;
      };
      const result = await withTimeLimit(timeLimitMs, answer(context, answerWith));
      return status === 204 ? context.body(null, 204) : context.json(result, status as ContentfulStatusCode);
    });
  }

  async function identify(context: HttpContext): Promise<SignedInActor> {
    const actor = await authenticate(bearerToken(context.req.header('Authorization')));
    context.set('username', actor.username);
    return actor;
  }

  return {
    route(endpoint, handler) {
      serve(endpoint, async (context, answerWith) => {
        // Who is asking comes first: a stranger does not learn what a request would need.
        const actor = await identify(context);
        return handler({ ...(await readRequest(endpoint, context)), actor, context, answerWith });
      });
    },

    routeOpen(endpoint, handler) {
      if (endpoint.auth !== 'none') throw new Error(`${endpoint.method} ${endpoint.path} is not open to everybody.`);
      serve(endpoint, async (context, answerWith) =>
        handler({ ...(await readRequest(endpoint, context)), context, answerWith }),
      );
    },

    get(path, handler) {
      add('GET', path, (context) => {
        context.set('route', path);
        return handler(context);
      });
    },

    refuseOtherMethods() {
      for (const [path, methods] of methodsOf) {
        const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
        app.all(path, (context) => {
          context.header('Allow', allowed.join(', '));
          return answerProblem(context, fail('method_not_allowed'));
        });
      }
      methodsOf.clear();
    },
  };
}

async function readRequest<E extends AnyEndpoint>(
  endpoint: E,
  context: HttpContext,
): Promise<{ params: ParamsOf<E>; query: QueryOf<E>; body: BodyOf<E> }> {
  return {
    params: endpoint.params && validate(endpoint.params, context.req.param()),
    query: endpoint.query && validate(endpoint.query, readQuery(context)),
    body: endpoint.body && validate(endpoint.body, await readJson(context.req.raw)),
  };
}

function readQuery(context: HttpContext): Record<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URL(context.req.url).searchParams) {
    if (query.has(name)) {
      throw fail('validation_failed', { errors: [{ path: name.slice(0, 64), message: 'may be given only once' }] });
    }
    query.set(name, value);
  }
  return Object.fromEntries(query);
}
