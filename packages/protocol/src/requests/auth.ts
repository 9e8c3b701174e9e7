import * as z from 'zod/mini';
import { endpoint } from '../endpoint.ts';
import { DisplayName, User, Username } from '../models.ts';

/** 8 to 128 characters of any kind. Longer ones are refused before any hashing. */
export const Password = z
  .string()
  .check(z.minLength(8, 'needs at least 8 characters'), z.maxLength(128, 'may have at most 128 characters'));

/** `token`: the refresh token is in the answer. `cookie`: it is set as a cookie that scripts cannot read. */
const SessionKind = z._default(z.enum(['token', 'cookie']), 'token');

const Credential = z.string().check(z.maxLength(1_024));

export const SignedIn = z.object({
  user: User,
  accessToken: z.string(),
  /** Seconds until the access token runs out. */
  expiresIn: z.int(),
  /** Absent where the session is a cookie. */
  refreshToken: z.optional(z.string()),
});
export type SignedIn = z.infer<typeof SignedIn>;

export const register = endpoint({
  method: 'POST',
  path: '/auth/register',
  tag: 'Accounts',
  summary: 'Create an account and sign in. The first account owns the workspace.',
  auth: 'none',
  body: z.strictObject({
    username: Username,
    password: Password,
    displayName: z.optional(DisplayName),
    session: SessionKind,
  }),
  statuses: [201],
  answer: SignedIn,
  errors: ['username_taken', 'weak_password', 'too_many_attempts'],
});

export const login = endpoint({
  method: 'POST',
  path: '/auth/login',
  tag: 'Accounts',
  summary: 'Sign in.',
  auth: 'none',
  body: z.strictObject({ username: Credential, password: Credential, session: SessionKind }),
  statuses: [200],
  answer: SignedIn,
  errors: ['invalid_credentials', 'too_many_attempts'],
});

export const refresh = endpoint({
  method: 'POST',
  path: '/auth/refresh',
  tag: 'Accounts',
  summary:
    'Trade the refresh token (in the body or the cookie) for a new pair. A spent one is answered again for 10 s; after that its use ends the session.',
  auth: 'none',
  body: z._default(z.strictObject({ refreshToken: z.optional(Credential) }), {}),
  statuses: [200],
  answer: SignedIn,
  errors: ['invalid_token', 'session_ended', 'origin_refused'],
});

export const logout = endpoint({
  method: 'POST',
  path: '/auth/logout',
  tag: 'Accounts',
  summary: 'End this session: its tokens and sockets stop working at once.',
  auth: 'bearer',
  statuses: [204],
  errors: [],
});
