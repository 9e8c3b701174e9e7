import { expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const STRONG_SECRET = 'u7Qm2ZkT9vXb4LwEr6YhNp1sJd8GcAf3';

test('an empty environment is enough', () => {
  const config = readConfig({});
  expect(config).toMatchObject({
    http: { host: '0.0.0.0', port: 8_000, publicUrl: null, allowedOrigins: [], trustedProxies: 0 },
    storage: { dataDir: './data', sqlitePath: 'data/parley.db', synchronous: 'full', allowWeakDurability: false },
    auth: { secret: null, accessTokenTtlMs: 600_000, sessionTtlMs: 2_592_000_000 },
    throttle: {
      messages: { count: 5, windowMs: 10_000 },
      signIn: { count: 10, windowMs: 60_000 },
      register: { count: 60, windowMs: 60_000 },
    },
    socket: { flood: { count: 1_000, windowMs: 10_000 }, heartbeatMs: 15_000 },
    log: { level: 'info', format: 'json', debug: false, dir: './logs' },
    metrics: { port: null, token: null },
    warnings: [],
  });
  expect(config.http.webDist).toMatch(/packages[/\\]web[/\\]dist$/);
});

test('an empty variable is the same as none', () => {
  expect(readConfig({ PORT: '', PUBLIC_URL: '', PARLEY_SECRET: '', PARLEY_SECRET_FILE: '' })).toEqual(readConfig({}));
});

test('every problem is listed at once, each by the name of its variable', () => {
  const problems = problemsOf({
    PORT: '70000',
    PUBLIC_URL: 'chat.example.org',
    DATABASE_URL: 'mysql://localhost/parley',
    LOG_LEVEL: 'loud',
    PARLEY_THROTTLE_MESSAGES: '5 per 10s',
    PARLEY_SECRET: 'short',
    PARLEY_ALLOWED_ORIGINS: 'https://a.example,b.example',
    PARLEY_SQLITE_SYNCHRONOUS: 'normal',
    PARLEY_DEBUG: 'yes',
    TRUST_PROXY: '99',
    PARLEY_HEARTBEAT_SECONDS: '0',
  });
  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'PORT',
    'PUBLIC_URL',
    'PARLEY_ALLOWED_ORIGINS',
    'TRUST_PROXY',
    'DATABASE_URL',
    'PARLEY_SECRET',
    'PARLEY_THROTTLE_MESSAGES',
    'PARLEY_HEARTBEAT_SECONDS',
    'LOG_LEVEL',
    'PARLEY_DEBUG',
    'PARLEY_SQLITE_SYNCHRONOUS',
  ]);
  expect(problems[0]).toBe('PORT: "70000" is not valid: use a whole number from 0 to 65535.');
});

test.each([
  'postgres://parley:hunter22@db/parley',
  'postgresql://parley:hunter22@db:5433/parley?sslmode=require',
  'postgres:///parley?host=/var/run/postgresql',
])('DATABASE_URL=%s names a PostgreSQL', (DATABASE_URL) => {
  expect(readConfig({ DATABASE_URL }).storage).toMatchObject({ postgresUrl: DATABASE_URL });
  expect(readConfig({}).storage).not.toHaveProperty('postgresUrl');
});

test.each([
  ['postgres://parley:hunter22@db', 'name the database after the host'],
  ['postgres://parley:hunter22@db/', 'name the database after the host'],
  ['postgres:parley', 'use postgres://user:password@host:5432/database'],
  ['postgres://parley:hunter22/?#@db/parley', 'use postgres://user:password@host:5432/database'],
  ['postgres://parley:hunter22%@db/parley', 'a % in the password must be written as %25'],
])('DATABASE_URL=%s is refused, and its password is not repeated', (DATABASE_URL, advice) => {
  const [problem, ...others] = problemsOf({ DATABASE_URL });
  expect(others).toEqual([]);
  expect(problem).toContain(`DATABASE_URL: ${advice}`);
  expect(problem).not.toContain('hunter22');
});

test.each([
  ['sqlite:./chat.db', './chat.db'],
  ['sqlite:/var/lib/parley/chat.db', '/var/lib/parley/chat.db'],
])('DATABASE_URL=%s names a file', (DATABASE_URL, path) => {
  expect(readConfig({ DATABASE_URL }).storage.sqlitePath).toBe(path);
});

test.each(['sqlite:', 'sqlite::memory:', 'sqlite:///var/lib/chat.db', 'chat.db'])(
  'DATABASE_URL=%s is refused',
  (DATABASE_URL) => {
    expect(problemsOf({ DATABASE_URL })).toHaveLength(1);
  },
);

test.each([
  'redis://localhost',
  'redis://localhost:6380/3',
  'rediss://:hunter22@redis.example.org:6379',
  'rediss://parley:hunter%2522@[::1]:6379/0',
  'redis+cluster://localhost:7000',
  'rediss+cluster://parley:hunter22@a.example.org,b.example.org:7001,[::1]:7002',
])('REDIS_URL=%s names a Redis', (REDIS_URL) => {
  expect(readConfig({ REDIS_URL, PARLEY_SECRET: STRONG_SECRET })).toMatchObject({
    redis: { url: REDIS_URL },
    warnings: [],
  });
  expect(readConfig({}).redis).toBeNull();
});

test.each([
  'localhost:6379',
  'http://localhost:6379',
  'redis:///0',
  'redis:localhost',
  'redis://:hunter22@localhost/mine',
  'redis://:hunter22@localhost/0?tls=true',
  'redis://:hunter22%@localhost',
  'redis://:hunter22/@localhost',
  'redis+cluster://',
  'redis+cluster://:hunter22@a:7000,',
  'redis+cluster://:hunter22@a:7000,b:port',
  'redis+cluster://:hunter22@a:7000,b:7001/3',
  'redis+cluster://:hunter22@a:7000,:hunter22@b:7001',
  'redis+sentinel://:hunter22@a:26379',
])('REDIS_URL=%s is refused, and a password in it is not repeated', (REDIS_URL) => {
  const [problem, ...others] = problemsOf({ REDIS_URL });
  expect(others).toEqual([]);
  expect(problem).toMatch(/^REDIS_URL: /);
  expect(problem).not.toContain('hunter22');
});

test('REDIS_URL without a secret that all nodes share is warned about', () => {
  expect(readConfig({ REDIS_URL: 'redis://localhost' }).warnings).toEqual([expect.stringContaining('PARLEY_SECRET')]);
});

test('[S1] a setting that could lose acknowledged messages needs a second word, and the refusal names both', () => {
  const [problem] = problemsOf({ PARLEY_SQLITE_SYNCHRONOUS: 'off' });
  expect(problem).toContain('PARLEY_SQLITE_SYNCHRONOUS');
  expect(problem).toContain('PARLEY_ALLOW_WEAK_DURABILITY=1');
  const permitted = readConfig({ PARLEY_SQLITE_SYNCHRONOUS: 'off', PARLEY_ALLOW_WEAK_DURABILITY: '1' });
  expect(permitted.storage).toMatchObject({ synchronous: 'off', allowWeakDurability: true });
  expect(readConfig({ PARLEY_SQLITE_SYNCHRONOUS: 'extra' }).storage.synchronous).toBe('extra');
});

test.each([
  ['short', 'u7Qm2ZkT9vXb4LwEr6YhNp1sJd8GcAf'],
  ['printed in manuals', 'please-changeme-please-changeme-1234'],
  ['one letter', 'a'.repeat(40)],
  ['one piece over and over', '4fG7kQ9z4fG7kQ9z4fG7kQ9z4fG7kQ9z'],
  ['counting', '0123456789abcdefghijklmnopqrstuv'],
])('a secret that is %s is refused and never repeated', (_what, PARLEY_SECRET) => {
  const [problem, ...others] = problemsOf({ PARLEY_SECRET });
  expect(others).toEqual([]);
  expect(problem).toMatch(/^PARLEY_SECRET: /);
  expect(problem).not.toContain(PARLEY_SECRET);
});

test('a secret can come from a file, without the line end that editors add', () => {
  const readFile = (path: string) => (path === '/run/secrets/parley' ? `${STRONG_SECRET}\n` : '');
  expect(readConfig({ PARLEY_SECRET_FILE: '/run/secrets/parley' }, { readFile }).auth.secret).toBe(STRONG_SECRET);
});

test('a secret file that is missing, empty, or given beside the variable is a problem of NAME_FILE', () => {
  expect(problemsOf({ PARLEY_SECRET_FILE: '/there/is/none' })).toEqual([
    'PARLEY_SECRET_FILE: the file /there/is/none cannot be read (ENOENT).',
  ]);
  expect(problemsOf({ PARLEY_SECRET_FILE: '/dev/null' })).toEqual(['PARLEY_SECRET_FILE: the file /dev/null is empty.']);
  expect(problemsOf({ PARLEY_SECRET_FILE: '/dev/null', PARLEY_SECRET: STRONG_SECRET })).toEqual([
    'PARLEY_SECRET_FILE: set this or PARLEY_SECRET, not both.',
  ]);
});

test('addresses become origins: lower case, and no slash or default port at the end', () => {
  const { http } = readConfig({
    PUBLIC_URL: 'https://Chat.Example.org:443/',
    PARLEY_ALLOWED_ORIGINS: 'http://localhost:5173, https://a.example/',
  });
  expect(http.publicUrl).toBe('https://chat.example.org');
  expect(http.allowedOrigins).toEqual(['http://localhost:5173', 'https://a.example']);
});

test.each(['ftp://chat.example.org', 'https://chat.example.org/team', 'https://me:pass@chat.example.org', 'null', '*'])(
  '%s is no origin',
  (origin) => {
    expect(problemsOf({ PUBLIC_URL: origin, PARLEY_ALLOWED_ORIGINS: origin })).toHaveLength(2);
  },
);

test('logs are for people on a terminal and for machines elsewhere, unless LOG_FORMAT says so', () => {
  expect(readConfig({}, { isTTY: true }).log.format).toBe('pretty');
  expect(readConfig({}, { isTTY: false }).log.format).toBe('json');
  expect(readConfig({ LOG_FORMAT: 'json' }, { isTTY: true }).log.format).toBe('json');
});

test('PARLEY_DEBUG raises the log level, and never lowers it', () => {
  expect(readConfig({ PARLEY_DEBUG: '1' }).log.level).toBe('debug');
  expect(readConfig({ PARLEY_DEBUG: '1', LOG_LEVEL: 'trace' }).log.level).toBe('trace');
});

test('metrics cannot have the port of the server', () => {
  expect(problemsOf({ PORT: '9000', PARLEY_METRICS_PORT: '9000' })).toEqual([
    'PARLEY_METRICS_PORT: needs a port other than PORT.',
  ]);
  expect(readConfig({ PORT: '0', PARLEY_METRICS_PORT: '0' }).metrics.port).toBe(0);
});

test('a misspelt variable is warned about, and a known one read from a file is not', () => {
  const env = { PARLEY_THROTLE_MESSAGES: 'off', PARLEY_SECRET_FILE: '/secret', HOME: '/root' };
  expect(readConfig(env, { readFile: () => STRONG_SECRET }).warnings).toEqual([
    'PARLEY_THROTLE_MESSAGES is no variable that Parley knows: is it misspelt?',
  ]);
});

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
