import { endpoints, Failure, fail, type SignedIn } from '@parley/protocol';
import type { OpenSession } from '../../actions/open-session.ts';
import { refreshSession } from '../../actions/refresh-session.ts';
import { register } from '../../actions/register.ts';
import type { Services } from '../../actions/services.ts';
import { signIn } from '../../actions/sign-in.ts';
import { signOut } from '../../actions/sign-out.ts';
import type { HttpContext } from '../context.ts';
import type { RefreshCookie } from '../cookies.ts';
import type { Router } from '../router.ts';

interface AuthRouteOptions {
  readonly services: Services;
  readonly cookie: RefreshCookie;
  readonly addressOf: (context: HttpContext) => string;
}

export function authRoutes(router: Router, { services, cookie, addressOf }: AuthRouteOptions): void {
  function answer(context: HttpContext, opened: OpenSession, session: 'token' | 'cookie'): SignedIn {
    context.set('username', opened.user.username);
    const { refreshToken, ...rest } = opened;
    if (session === 'token') return opened;
    cookie.write(context, refreshToken);
    return rest;
  }

  router.routeOpen(endpoints.register, async ({ context, body: { session, ...body } }) =>
    answer(context, await register(services, addressOf(context), body), session),
  );

  router.routeOpen(endpoints.login, async ({ context, body: { session, ...body } }) =>
    answer(context, await signIn(services, addressOf(context), body), session),
  );

  router.routeOpen(endpoints.refresh, async ({ context, body }) => {
    if (body.refreshToken !== undefined) {
      return answer(context, await refreshSession(services, body.refreshToken), 'token');
    }
    const kept = cookie.read(context);
    if (kept === undefined) throw fail('invalid_token');
    try {
      return answer(context, await refreshSession(services, kept), 'cookie');
    } catch (error) {
      if (error instanceof Failure && error.remedy === 'sign-in') cookie.clear(context);
      throw error;
    }
  });

  router.route(endpoints.logout, async ({ context, actor }) => {
    await signOut(services, actor);
    cookie.clear(context);
    return undefined;
  });
}
