import { fail, newId } from '@parley/protocol';
import { Hono } from 'hono';
import { authenticate } from '../actions/authenticate.ts';
import type { Services } from '../actions/services.ts';
import { clientAddress } from './client-address.ts';
import type { HttpContext, HttpEnv } from './context.ts';
import { createRefreshCookie } from './cookies.ts';
import { docsRoutes } from './docs.ts';
import { healthRoutes } from './health.ts';
import { metricsRoute } from './metrics.ts';
import { answerProblem, failureOf } from './problems.ts';
import { recordRequest } from './record-request.ts';
import { createRouter } from './router.ts';
import { authRoutes } from './routes/auth.ts';
import { channelRoutes } from './routes/channels.ts';
import { meRoutes } from './routes/me.ts';
import { memberRoutes } from './routes/members.ts';
import { messageRoutes } from './routes/messages.ts';
import { securityHeaders } from './security-headers.ts';
import { webApp } from './static.ts';

export interface AppOptions {
  readonly services: Services;
  readonly publicUrl: string | null;
  readonly trustedProxies: number;
  /** The folder of the built web app. */
  readonly webDist: string;
  /** What `/metrics` on the main port asks for; null where metrics have a port of their own. */
  readonly metricsToken: string | null;
  readonly isDraining: () => boolean;
  /** What `/readyz` warns of, beside the store's own warnings. */
  readonly warnings?: () => readonly string[];
  /** How long a request may take, in milliseconds. */
  readonly timeLimitMs?: number;
}

export type App = Hono<HttpEnv>;

const TIME_LIMIT_MS = 10_000;
const REQUEST_ID = /^[\w-]{1,64}$/;

/** Everything that Parley answers by HTTP. The socket stands beside it. */
export function createApp(options: AppOptions): App {
  const { services, publicUrl, trustedProxies, isDraining, timeLimitMs = TIME_LIMIT_MS } = options;
  const app = new Hono<HttpEnv>();
  const headers = Object.entries(securityHeaders(publicUrl));

  app.use(async (context, next) => {
    const given = context.req.header('X-Request-Id');
    const requestId = given && REQUEST_ID.test(given) ? given : newId();
    context.set('requestId', requestId);
    context.header('X-Request-Id', requestId);
    for (const [name, value] of headers) context.header(name, value);
    await next();
  });
  app.use(recordRequest(services));
  app.onError((error, context) => answerProblem(context, failureOf(error, context.var.requestId, services.logger)));
  app.notFound((context) => answerProblem(context, fail('not_found')));

  const router = createRouter(app, { authenticate: (token) => authenticate(services, token), timeLimitMs });
  const addressOf = (context: HttpContext) =>
    clientAddress({
      remoteAddress: context.env?.incoming?.socket.remoteAddress,
      forwardedFor: context.req.header('X-Forwarded-For'),
      trustedProxies,
    });
  const cookie = createRefreshCookie({ publicUrl, trustedProxies, sessionTtlMs: services.sessionTtlMs });

  healthRoutes(router, { store: services.store, isDraining, warnings: options.warnings });
  if (options.metricsToken !== null) metricsRoute(router, services.metrics, options.metricsToken);
  authRoutes(router, { services, cookie, addressOf });
  meRoutes(router, services);
  channelRoutes(router, services);
  memberRoutes(router, services);
  messageRoutes(router, services);
  docsRoutes(router);
  router.refuseOtherMethods();

  app.all('/api/*', (context) => context.notFound());
  router.get('*', webApp(options.webDist));
  router.refuseOtherMethods();
  return app;
}
