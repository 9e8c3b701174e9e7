import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

/** What a request carries through the middleware. */
export interface HttpEnv {
  /** Absent where a test asks the app without a server. */
  Bindings: Partial<HttpBindings>;
  Variables: {
    requestId: string;
    /** The pattern of the path, for metrics. */
    route: string;
    /** Whoever the request turned out to come from, for the log. */
    username: string;
  };
}

export type HttpContext = Context<HttpEnv>;
