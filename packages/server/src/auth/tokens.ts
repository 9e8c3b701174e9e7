import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { fail } from '@parley/protocol';
import type { JWTVerifyResult } from 'jose';
import { JOSEError } from 'jose/errors';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import type { Clock } from '../domain/clock.ts';

const ALGORITHM = 'HS256';
const TYPE = 'at+jwt';
const ISSUER = 'parley';
const AUDIENCE = 'parley-api';
/** How far the clocks of two nodes may differ, in seconds. */
const LEEWAY = 5;
const LEAST_SECRET_BYTES = 32;
const LONGEST_TOKEN = 4_096;
/** Three parts in base64url. The library would overlook line ends in them, and one token has one spelling. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** 256 bits in base64url. */
const REFRESH_TOKEN = /^[\w-]{43}$/;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** What an access token says once its signature holds. That the session still lives is the store's to say. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly username: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface RefreshToken {
  /** What the client keeps: 256 random bits. */
  readonly token: string;
  /** What the store keeps: its SHA-256. */
  readonly hash: string;
}

export interface Tokens {
  /** How long an access token is valid, in whole seconds. */
  readonly accessTokenSeconds: number;
  issueAccessToken(claims: Omit<AccessClaims, 'expiresAt'>): Promise<string>;
  /** @throws Failure `invalid_token` for any token that is not exactly one of ours, or has run out. */
  verifyAccessToken(token: string): Promise<AccessClaims>;
  issueRefreshToken(): RefreshToken;
  /**
   * The hash under which a refresh token is kept, and the one token that follows it. Its successor is computed from it,
   * so two tabs that refresh at once, or a client that lost the answer, get the same one, and no token is ever kept.
   * @throws Failure `invalid_token` where the text cannot be a refresh token.
   */
  rotate(token: string): { readonly hash: string; readonly successor: RefreshToken };
}

interface TokenSettings {
  /** At least 256 random bits. */
  readonly secret: Uint8Array;
  readonly accessTokenTtlMs: number;
  readonly clock: Clock;
}

/** Issues and checks access tokens (JWT, RFC 9068, HS256 alone) and refresh tokens (opaque, rotating). */
export function createTokens({ secret, accessTokenTtlMs, clock }: TokenSettings): Tokens {
  if (secret.byteLength < LEAST_SECRET_BYTES)
    throw new Error(`A token secret needs ${LEAST_SECRET_BYTES} bytes or more.`);
  const key = createSecretKey(secret);
  const accessTokenSeconds = Math.floor(accessTokenTtlMs / 1_000);

  return {
    accessTokenSeconds,

    issueAccessToken({ userId, sessionId, username }) {
      const issuedAt = Math.floor(clock.now() / 1_000);
      return new SignJWT({ sid: sessionId, name: username })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + accessTokenSeconds)
        .sign(key);
    },

    async verifyAccessToken(token) {
      if (token.length > LONGEST_TOKEN || !COMPACT.test(token)) throw fail('invalid_token');
      const verified = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ['sub', 'sid', 'name', 'iat', 'exp'],
        clockTolerance: LEEWAY,
        currentDate: new Date(clock.now()),
      }).catch(asInvalidToken);
      return readClaims(verified, accessTokenSeconds);
    },

    issueRefreshToken: () => withHash(randomBytes(32).toString('base64url')),

    rotate(token) {
      if (!REFRESH_TOKEN.test(token)) throw fail('invalid_token');
      const successor = createHmac('sha256', key).update(`refresh:${token}`).digest('base64url');
      return { hash: hashOf(token), successor: withHash(successor) };
    },
  };
}

function asInvalidToken(error: unknown): never {
  if (error instanceof JOSEError) throw fail('invalid_token');
  throw error;
}

/**
 * Our own tokens have exactly this form; a signature does not make another one acceptable. One that was issued in the
 * future is: the clock has been set back since, or another node's goes fast, and whether its session lives is asked of
 * the store with every use.
 */
function readClaims({ protectedHeader, payload }: JWTVerifyResult, lifeSeconds: number): AccessClaims {
  const { sub, sid, name, iat, exp, aud } = payload;
  const hasOurForm =
    Object.keys(protectedHeader).length === 2 &&
    aud === AUDIENCE &&
    isUuid(sub) &&
    isUuid(sid) &&
    typeof name === 'string' &&
    Number.isSafeInteger(iat) &&
    Number.isSafeInteger(exp) &&
    (exp as number) > (iat as number) &&
    (exp as number) - (iat as number) <= lifeSeconds;
  if (!hasOurForm) throw fail('invalid_token');
  return {
    userId: sub as string,
    sessionId: sid as string,
    username: name as string,
    expiresAt: (exp as number) * 1_000,
  };
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

function withHash(token: string): RefreshToken {
  return { token, hash: hashOf(token) };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
