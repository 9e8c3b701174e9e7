import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as z from 'zod';
import type { RateLimit } from './rate-limit.ts';
import { describedVariables, type Values } from './variables.ts';

export type LogLevel = Values['LOG_LEVEL'];

/** Everything that can be set from outside. Times are milliseconds, paths as given, a limit that is off is null. */
export interface Config {
  readonly http: {
    readonly host: string;
    /** 0 asks the system for a free one. */
    readonly port: number;
    /** An origin, without a path or a slash at its end. */
    readonly publicUrl: string | null;
    readonly allowedOrigins: readonly string[];
    /** How many reverse proxies stand in front; 0 believes no forwarded address. */
    readonly trustedProxies: number;
    readonly webDist: string;
  };
  readonly storage: {
    readonly dataDir: string;
    readonly sqlitePath: string;
    /** Where PostgreSQL keeps the messages instead of a file. The URL may hold a password. */
    readonly postgresUrl?: string;
    readonly synchronous: 'full' | 'extra' | 'normal' | 'off';
    /** Permits `synchronous` below `full`, and a PostgreSQL that is set so that it may lose what it has committed. */
    readonly allowWeakDurability: boolean;
  };
  /** Null where one node works alone. The URL may hold a password. */
  readonly redis: { readonly url: string } | null;
  readonly auth: {
    /** Null where one is to be generated and kept, see `loadSecrets`. */
    readonly secret: string | null;
    readonly accessTokenTtlMs: number;
    readonly sessionTtlMs: number;
  };
  readonly throttle: {
    /** Per person. */
    readonly messages: RateLimit | null;
    /** Failed attempts per account and address; five times as many per address. */
    readonly signIn: RateLimit | null;
    /** Per address. */
    readonly register: RateLimit | null;
  };
  readonly socket: {
    /** Frames per socket. */
    readonly flood: RateLimit | null;
    readonly heartbeatMs: number;
  };
  readonly log: {
    readonly level: LogLevel;
    readonly format: 'json' | 'pretty';
    readonly debug: boolean;
    /** The folder of the API log. */
    readonly dir: string;
  };
  readonly metrics: {
    /** Null serves metrics on the main port, with the token. */
    readonly port: number | null;
    /** Null where one is to be generated and kept, see `loadSecrets`. */
    readonly token: string | null;
  };
  /** What looks like a mistake but stops nothing, one sentence each. */
  readonly warnings: readonly string[];
}

/** Everything that is wrong with the environment, each problem beginning with the variable's name. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:
${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const SECRET_IS_NOT_SHARED =
  'REDIS_URL is set and PARLEY_SECRET is not: nodes with a data folder each generate secrets of their own, and then ' +
  "refuse each other's hints and access tokens. Give all nodes the same PARLEY_SECRET.";

type Environment = Readonly<Record<string, string | undefined>>;

interface Surroundings {
  /** Whether standard output is a terminal. */
  readonly isTTY?: boolean;
  /** Reads the file that a `NAME_FILE` variable names. */
  readonly readFile?: (path: string) => string;
}

/**
 * Makes the configuration from environment variables. Unset and empty ones take their default.
 * @throws ConfigError listing all problems at once.
 */
export function readConfig(env: Environment, surroundings: Surroundings = {}): Config {
  const { isTTY = false, readFile = (path) => readFileSync(path, 'utf8') } = surroundings;
  const { values, problems } = readValues(env, readFile);
  problems.push(...contradictions(values));
  if (problems.length > 0) throw new ConfigError(problems);
  return arrange(values as Values, unknownNames(env), isTTY);
}

function readValues(env: Environment, readFile: (path: string) => string) {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, variable] of describedVariables) {
    const given = variable.secret ? readSecret(name, env, readFile) : { text: env[name] };
    if ('problem' in given) {
      problems.push(given.problem);
      continue;
    }
    const text = given.text || variable.default;
    if (text === undefined) continue;
    const result = variable.schema.safeParse(text);
    if (result.success) values[name] = result.data;
    else problems.push(problemWith(name, variable.secret ? null : text, result.error));
  }
  return { values: values as Partial<Values>, problems };
}

function readSecret(
  name: string,
  env: Environment,
  readFile: (path: string) => string,
): { text: string | undefined } | { problem: string } {
  const path = env[`${name}_FILE`];
  if (!path) return { text: env[name] };
  if (env[name]) return { problem: `${name}_FILE: set this or ${name}, not both.` };
  try {
    const text = readFile(path).trim();
    return text === '' ? { problem: `${name}_FILE: the file ${path} is empty.` } : { text };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { problem: `${name}_FILE: the file ${path} cannot be read (${code ?? message}).` };
  }
}

/** A secret's text is null here, so that it never reaches a screen or a log. */
function problemWith(name: string, text: string | null, error: z.ZodError): string {
  const advice = error.issues.map((issue) => issue.message).join('; ');
  return `${name}: ${text === null ? advice : `${JSON.stringify(text)} is not valid: ${advice}`}.`;
}

function contradictions(values: Partial<Values>): string[] {
  const problems: string[] = [];
  const { PARLEY_SQLITE_SYNCHRONOUS: synchronous, PARLEY_ALLOW_WEAK_DURABILITY: weakIsAllowed } = values;
  if ((synchronous === 'normal' || synchronous === 'off') && weakIsAllowed === false) {
    problems.push(
      `PARLEY_SQLITE_SYNCHRONOUS: with ${synchronous}, a power cut loses messages that were acknowledged. ` +
        'Use full, or say PARLEY_ALLOW_WEAK_DURABILITY=1 if that is what you want.',
    );
  }
  const { PORT: port, PARLEY_METRICS_PORT: metricsPort } = values;
  if (port !== undefined && port !== 0 && port === metricsPort) {
    problems.push('PARLEY_METRICS_PORT: needs a port other than PORT.');
  }
  return problems;
}

function unknownNames(env: Environment): string[] {
  const known = new Set(describedVariables.flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name])));
  return Object.keys(env).filter((name) => name.startsWith('PARLEY_') && !known.has(name));
}

function arrange(values: Values, unknown: readonly string[], isTTY: boolean): Config {
  const { PARLEY_DATA_DIR: dataDir, DATABASE_URL: database } = values;
  const quieterThanDebug = values.LOG_LEVEL !== 'trace' && values.LOG_LEVEL !== 'debug';
  return {
    http: {
      host: values.HOST,
      port: values.PORT,
      publicUrl: values.PUBLIC_URL ?? null,
      allowedOrigins: values.PARLEY_ALLOWED_ORIGINS,
      trustedProxies: values.TRUST_PROXY,
      webDist: values.PARLEY_WEB_DIST,
    },
    storage: {
      dataDir,
      sqlitePath: database?.engine === 'sqlite' ? database.path : join(dataDir, 'parley.db'),
      ...(database?.engine === 'postgres' ? { postgresUrl: database.url } : {}),
      synchronous: values.PARLEY_SQLITE_SYNCHRONOUS,
      allowWeakDurability: values.PARLEY_ALLOW_WEAK_DURABILITY,
    },
    redis: values.REDIS_URL === undefined ? null : { url: values.REDIS_URL },
    auth: {
      secret: values.PARLEY_SECRET ?? null,
      accessTokenTtlMs: values.PARLEY_ACCESS_TOKEN_TTL,
      sessionTtlMs: values.PARLEY_SESSION_TTL,
    },
    throttle: {
      messages: values.PARLEY_THROTTLE_MESSAGES,
      signIn: values.PARLEY_THROTTLE_SIGN_IN,
      register: values.PARLEY_THROTTLE_REGISTER,
    },
    socket: { flood: values.PARLEY_FLOOD, heartbeatMs: values.PARLEY_HEARTBEAT_SECONDS * 1_000 },
    log: {
      level: values.PARLEY_DEBUG && quieterThanDebug ? 'debug' : values.LOG_LEVEL,
      format: values.LOG_FORMAT ?? (isTTY ? 'pretty' : 'json'),
      debug: values.PARLEY_DEBUG,
      dir: values.PARLEY_LOG_DIR,
    },
    metrics: { port: values.PARLEY_METRICS_PORT ?? null, token: values.PARLEY_METRICS_TOKEN ?? null },
    warnings: [
      ...unknown.map((name) => `${name} is no variable that Parley knows: is it misspelt?`),
      ...(values.REDIS_URL !== undefined && values.PARLEY_SECRET === undefined ? [SECRET_IS_NOT_SHARED] : []),
    ],
  };
}
