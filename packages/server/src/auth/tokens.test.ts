import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { newId } from '@parley/protocol';
import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { createTokens, type Tokens } from './tokens.ts';

const SECRET = new Uint8Array(32).fill(7);
const TTL = 600;
const userId = newId();
const sessionId = newId();

let clock: FakeClock;
let tokens: Tokens;
let now: number;

beforeEach(() => {
  clock = new FakeClock();
  tokens = createTokens({ secret: SECRET, accessTokenTtlMs: TTL * 1_000, clock });
  now = clock.now() / 1_000;
});

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const hmac = (input: string, secret: Uint8Array | string = SECRET, hash = 'sha256') =>
  createHmac(hash, secret).update(input).digest('base64url');

const HEADER = { alg: 'HS256', typ: 'at+jwt' };
const claims = () => ({
  iss: 'parley',
  aud: 'parley-api',
  sub: userId,
  sid: sessionId,
  name: 'xenia',
  iat: now,
  exp: now + TTL,
});

/** Signed with the right secret, so that only its form can be wrong. */
function forge(header: unknown, payload: unknown): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${hmac(input)}`;
}

test('an access token says who holds it', async () => {
  const token = await tokens.issueAccessToken({ userId, sessionId, username: 'xenia' });
  expect(await tokens.verifyAccessToken(token)).toEqual({
    userId,
    sessionId,
    username: 'xenia',
    expiresAt: clock.now() + TTL * 1_000,
  });
  const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  expect(JSON.parse(header as string)).toEqual(HEADER);
  expect(JSON.parse(payload as string)).toEqual(claims());
});

test('a token that is forged with our own secret in the right form is taken, so the refusals below mean something', async () => {
  await expect(tokens.verifyAccessToken(forge(HEADER, claims()))).resolves.toMatchObject({ userId });
});

test('an access token runs out, and clocks may differ by 5 s', async () => {
  const token = await tokens.issueAccessToken({ userId, sessionId, username: 'xenia' });
  clock.advance((TTL + 4) * 1_000);
  await expect(tokens.verifyAccessToken(token)).resolves.toMatchObject({ userId });
  clock.advance(2_000);
  await expect(tokens.verifyAccessToken(token)).rejects.toMatchObject({ code: 'invalid_token' });
});

test('a clock that is set back refuses no token, and one that is set forward those alone that have run out', async () => {
  const token = await tokens.issueAccessToken({ userId, sessionId, username: 'xenia' });
  clock.set(-3_600_000);
  await expect(tokens.verifyAccessToken(token)).resolves.toMatchObject({ userId });
  clock.set(3_600_000 + (TTL - 1) * 1_000);
  await expect(tokens.verifyAccessToken(token)).resolves.toMatchObject({ userId });
  clock.set(3_600_000);
  await expect(tokens.verifyAccessToken(token)).rejects.toMatchObject({ code: 'invalid_token' });
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const rsaPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const ownKey = encode('a key that the attacker brings along');

const ATTACKS: Record<string, () => string | Promise<string>> = {
  'nothing at all': () => '',
  'not a token': () => 'token',
  'two parts': () => forge(HEADER, claims()).split('.').slice(0, 2).join('.'),
  'alg none without a signature': () => `${encode({ ...HEADER, alg: 'none' })}.${encode(claims())}.`,
  'alg None in other case': () => `${encode({ ...HEADER, alg: 'nOnE' })}.${encode(claims())}.`,
  'alg none with a signature': () => forge({ ...HEADER, alg: 'none' }, claims()),
  'no alg': () => forge({ typ: 'at+jwt' }, claims()),
  'our signature cut off': () => `${forge(HEADER, claims()).split('.').slice(0, 2).join('.')}.`,
  'another secret': () => {
    const input = `${encode(HEADER)}.${encode(claims())}`;
    return `${input}.${hmac(input, 'x'.repeat(32))}`;
  },
  'HS512 with our secret': () => {
    const input = `${encode({ ...HEADER, alg: 'HS512' })}.${encode(claims())}`;
    return `${input}.${hmac(input, SECRET, 'sha512')}`;
  },
  'RS256 with a key of its own': () => {
    const input = `${encode({ ...HEADER, alg: 'RS256', jwk: rsa.publicKey.export({ format: 'jwk' }) })}.${encode(claims())}`;
    return `${input}.${sign('sha256', Buffer.from(input), rsa.privateKey).toString('base64url')}`;
  },
  'HS256 keyed with a public RSA key': () => {
    const input = `${encode(HEADER)}.${encode(claims())}`;
    return `${input}.${hmac(input, rsaPem)}`;
  },
  'a jwk of its own': () => {
    const input = `${encode({ ...HEADER, jwk: { kty: 'oct', k: ownKey } })}.${encode(claims())}`;
    return `${input}.${hmac(input, Buffer.from(ownKey, 'base64url'))}`;
  },
  'a kid, even under our signature': () => forge({ ...HEADER, kid: '../../dev/null' }, claims()),
  'a kid with SQL': () => forge({ ...HEADER, kid: "' UNION SELECT 'key" }, claims()),
  'a jku': () => forge({ ...HEADER, jku: 'https://evil.example/keys' }, claims()),
  'an x5u': () => forge({ ...HEADER, x5u: 'https://evil.example/cert' }, claims()),
  'a crit header': () => forge({ ...HEADER, crit: ['b64'], b64: false }, claims()),
  'a zip header': () => forge({ ...HEADER, zip: 'DEF' }, claims()),
  'an encrypted token': () =>
    `${encode({ alg: 'dir', enc: 'A256GCM' })}..${encode('iv')}.${encode('text')}.${encode('tag')}`,
  'typ JWT': () => forge({ ...HEADER, typ: 'JWT' }, claims()),
  'no typ': () => forge({ alg: 'HS256' }, claims()),
  'typ of a refresh token': () => forge({ ...HEADER, typ: 'rt+jwt' }, claims()),
  'another issuer': () => forge(HEADER, { ...claims(), iss: 'evil' }),
  'no issuer': () => forge(HEADER, { ...claims(), iss: undefined }),
  'another audience': () => forge(HEADER, { ...claims(), aud: 'other-api' }),
  'our audience among others': () => forge(HEADER, { ...claims(), aud: ['parley-api', 'other-api'] }),
  'no audience': () => forge(HEADER, { ...claims(), aud: undefined }),
  'no subject': () => forge(HEADER, { ...claims(), sub: undefined }),
  'a subject that is no id': () => forge(HEADER, { ...claims(), sub: 'admin' }),
  'a subject that is an object': () => forge(HEADER, { ...claims(), sub: { $ne: 1 } }),
  'no session': () => forge(HEADER, { ...claims(), sid: undefined }),
  'a session that is no id': () => forge(HEADER, { ...claims(), sid: "' OR 1=1 --" }),
  'no exp': () => forge(HEADER, { ...claims(), exp: undefined }),
  'exp as text': () => forge(HEADER, { ...claims(), exp: String(now + TTL) }),
  'exp NaN': () => forge(HEADER, { ...claims(), exp: Number.NaN }),
  'exp 1e400': () => forge(HEADER, JSON.stringify(claims()).replace(`"exp":${now + TTL}`, '"exp":1e400')),
  'exp with a fraction': () => forge(HEADER, { ...claims(), exp: now + 0.5 }),
  'exp negative': () => forge(HEADER, { ...claims(), exp: -1 }),
  'exp in the past': () => forge(HEADER, { ...claims(), iat: now - TTL, exp: now - 60 }),
  'exp in ten years': () => forge(HEADER, { ...claims(), iat: now - TTL - 60, exp: now + 315_360_000 }),
  'no iat': () => forge(HEADER, { ...claims(), iat: undefined }),
  'iat as text': () => forge(HEADER, { ...claims(), iat: String(now) }),
  'iat after exp': () => forge(HEADER, { ...claims(), iat: now + TTL + 1 }),
  'a longer life than ours have': () => forge(HEADER, { ...claims(), exp: now + TTL + 1 }),
  'nbf in the future': () => forge(HEADER, { ...claims(), nbf: now + 60 }),
  'nbf as text': () => forge(HEADER, { ...claims(), nbf: 'soon' }),
  'a payload that is a list': () => forge(HEADER, [claims()]),
  'a payload that is not JSON': () => forge(HEADER, 'claims'),
  'a payload of null': () => forge(HEADER, 'null'),
  'a refresh token': () => tokens.issueRefreshToken().token,
  'a successor of a refresh token': () => tokens.rotate(tokens.issueRefreshToken().token).successor.token,
  'a token with a line end': () => `${forge(HEADER, claims())}\n`,
  'a token of 100,000 characters': () => `${forge(HEADER, claims())}${'A'.repeat(100_000)}`,
};

test.each(Object.keys(ATTACKS))('refused as an access token: %s', async (name) => {
  const token = await (ATTACKS[name] as () => string | Promise<string>)();
  await expect(tokens.verifyAccessToken(token)).rejects.toMatchObject({ code: 'invalid_token' });
});

test('no bit of a token can be changed', async () => {
  const token = await tokens.issueAccessToken({ userId, sessionId, username: 'xenia' });
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let at = 0; at < token.length - 1; at += 1) {
    if (token[at] === '.') continue;
    const other = alphabet[(alphabet.indexOf(token[at] as string) + 32) % 64] as string;
    const changed = token.slice(0, at) + other + token.slice(at + 1);
    await expect(tokens.verifyAccessToken(changed), `character ${at}`).rejects.toMatchObject({ code: 'invalid_token' });
  }
});

test('a refresh token is 256 random bits, kept as its SHA-256', () => {
  const issued = Array.from({ length: 1_000 }, () => tokens.issueRefreshToken());
  expect(new Set(issued.map(({ token }) => token)).size).toBe(1_000);
  for (const { token, hash } of issued) {
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect(hash).toMatch(/^[\da-f]{64}$/);
    expect(hash).toBe(tokens.rotate(token).hash);
  }
});

test('a refresh token has one successor, which needs the secret to be computed', () => {
  const { token } = tokens.issueRefreshToken();
  const { successor } = tokens.rotate(token);
  expect(tokens.rotate(token).successor).toEqual(successor);
  expect(tokens.rotate(successor.token).successor.token).not.toBe(token);

  const elsewhere = createTokens({ secret: new Uint8Array(32).fill(8), accessTokenTtlMs: TTL * 1_000, clock });
  expect(elsewhere.rotate(token).successor.token).not.toBe(successor.token);
});

test.each([
  '',
  'x',
  'A'.repeat(42),
  'A'.repeat(44),
  `${'A'.repeat(42)}=`,
  `${'A'.repeat(43)}\n`,
  'A'.repeat(1_000_000),
])('what cannot be a refresh token is refused unread', (token) => {
  expect(() => tokens.rotate(token)).toThrowError(expect.objectContaining({ code: 'invalid_token' }));
});

test('a secret below 256 bits is refused', () => {
  expect(() => createTokens({ secret: new Uint8Array(31), accessTokenTtlMs: 1_000, clock })).toThrow('32 bytes');
});
