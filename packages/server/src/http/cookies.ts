import { fail } from '@parley/protocol';
import { getCookie, setCookie } from 'hono/cookie';
import { arrivedEncrypted } from './client-address.ts';
import type { HttpContext } from './context.ts';

/** Keeps a browser's refresh token where no script can read it. */
export interface RefreshCookie {
  /** @throws Failure `origin_refused` where a page of another site makes the browser send it */
  read(context: HttpContext): string | undefined;
  write(context: HttpContext, refreshToken: string): void;
  clear(context: HttpContext): void;
}

interface CookieSettings {
  readonly publicUrl: string | null;
  readonly trustedProxies: number;
  readonly sessionTtlMs: number;
}

/** Browsers keep no cookie longer than 400 days. */
const LONGEST_MAX_AGE = 400 * 24 * 60 * 60;

export function createRefreshCookie({ publicUrl, trustedProxies, sessionTtlMs }: CookieSettings): RefreshCookie {
  const isSecure = (context: HttpContext) =>
    publicUrl?.startsWith('https:') || arrivedEncrypted(context.req.header('X-Forwarded-Proto'), trustedProxies);

  function set(context: HttpContext, value: string, maxAge: number): void {
    const secure = isSecure(context);
    // A plain-http network has no Secure cookies; there the prefix that demands them must go too.
    setCookie(context, 'parley_refresh', value, {
      ...(secure ? { prefix: 'host', secure: true } : {}),
      path: '/',
      httpOnly: true,
      sameSite: 'Strict',
      maxAge: Math.min(maxAge, LONGEST_MAX_AGE),
    });
  }

  return {
    read(context) {
      const token = isSecure(context)
        ? getCookie(context, 'parley_refresh', 'host')
        : getCookie(context, 'parley_refresh');
      const site = context.req.header('Sec-Fetch-Site') ?? 'same-origin';
      if (token !== undefined && site !== 'same-origin') throw fail('origin_refused');
      return token;
    },
    write: (context, refreshToken) => set(context, refreshToken, Math.floor(sessionTtlMs / 1_000)),
    clear: (context) => set(context, '', 0),
  };
}
