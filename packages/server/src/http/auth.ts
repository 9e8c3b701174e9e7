import { fail } from '@parley/protocol';

const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

/**
 * The token of an `Authorization` header. Nothing else is a credential: no cookie, no query, no other scheme.
 * @throws Failure `not_authenticated`
 */
export function bearerToken(authorization: string | undefined): string {
  const token = BEARER.exec(authorization ?? '')?.[1];
  if (!token) throw fail('not_authenticated');
  return token;
}
