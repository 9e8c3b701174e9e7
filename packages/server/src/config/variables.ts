import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { DatabaseUrlText } from './database-url.ts';
import { durationText } from './duration.ts';
import { RateLimitText } from './rate-limit.ts';
import { RedisUrlText } from './redis-url.ts';
import { SecretText } from './secret-text.ts';

/** One environment variable: how its text is read, and what people are told about it. */
interface Variable {
  readonly section: 'Address' | 'Storage' | 'Sign-in' | 'Limits' | 'Logs' | 'Metrics';
  readonly schema: z.ZodType<unknown, string>;
  /** The text that stands in when the variable is unset or empty. */
  readonly default?: string;
  /** For people: what happens without it, where that is not the default's own text. */
  readonly otherwise?: string;
  readonly meaning: string;
  /** Also read from the file that `NAME_FILE` names, and never repeated in an error. */
  readonly secret?: true;
}

const Text = z.string();
const Port = wholeNumber(0, 65_535);
const Switch = oneOf('0', '1').transform((text) => text === '1');

/**
 * Every environment variable that Parley reads, in the order in which the documentation lists them. `.env.example` and
 * `docs/configuration.md` are made from this table by `npm run docs:config`.
 */
const VARIABLES = {
  PORT: { section: 'Address', schema: Port, default: '8000', meaning: 'The port that Parley listens on.' },
  HOST: {
    section: 'Address',
    schema: Text,
    default: '0.0.0.0',
    meaning: 'The address that Parley listens on; `127.0.0.1` for this machine alone.',
  },
  PUBLIC_URL: {
    section: 'Address',
    schema: refined(asOrigin, 'use the address that people type, such as https://chat.example.org, without a path'),
    otherwise: 'none',
    meaning: 'The address at which people reach Parley, when it is not the one it listens on.',
  },
  PARLEY_ALLOWED_ORIGINS: {
    section: 'Address',
    schema: refined(asOrigins, 'use origins such as https://intranet.example.org, with commas between them'),
    default: '',
    otherwise: 'its own alone',
    meaning: 'Other origins whose pages may connect, with commas between them.',
  },
  TRUST_PROXY: {
    section: 'Address',
    schema: refined(asHops, 'use the number of proxies in front of Parley, at most 16, or off'),
    default: 'off',
    meaning:
      'How many reverse proxies stand in front: so many addresses of `X-Forwarded-For` are believed, from the right.',
  },
  PARLEY_WEB_DIST: {
    section: 'Address',
    schema: Text,
    default: fileURLToPath(new URL('../../../web/dist', import.meta.url)),
    otherwise: '`packages/web/dist`',
    meaning: 'The folder of the built web app.',
  },

  PARLEY_DATA_DIR: {
    section: 'Storage',
    schema: Text,
    default: './data',
    meaning: 'The folder that holds the database and the generated secrets. Back it up.',
  },
  DATABASE_URL: {
    section: 'Storage',
    schema: DatabaseUrlText,
    otherwise: '`parley.db` in the data folder',
    meaning:
      'Where messages are kept: `sqlite:` and the path of a file, or, for several nodes on one database, ' +
      '`postgres://user:password@host:port/database`.',
    secret: true,
  },
  PARLEY_SQLITE_SYNCHRONOUS: {
    section: 'Storage',
    schema: oneOf('full', 'extra', 'normal', 'off'),
    default: 'full',
    meaning: 'When SQLite waits for the disk. Below `full`, a power cut loses messages that were acknowledged.',
  },
  PARLEY_ALLOW_WEAK_DURABILITY: {
    section: 'Storage',
    schema: Switch,
    default: '0',
    meaning:
      '`1` permits `normal` and `off` above, and a PostgreSQL with `fsync` or `synchronous_commit` off. Meant for trials.',
  },

  REDIS_URL: {
    section: 'Storage',
    schema: RedisUrlText,
    otherwise: 'none: one node alone',
    meaning:
      'What several nodes on one database share: `redis://` or, with TLS, `rediss://`, then user, password, host, port ' +
      'and number as needed; for a cluster `redis+cluster://` or `rediss+cluster://`, credentials as needed, and some of ' +
      'its nodes with commas between them. Set `PARLEY_SECRET` to the same on all of them.',
    secret: true,
  },

  PARLEY_SECRET: {
    section: 'Sign-in',
    schema: SecretText,
    otherwise: 'generated',
    meaning: 'Signs access tokens, 32 bytes or more. The generated one is kept in `secrets.json` in the data folder.',
    secret: true,
  },
  PARLEY_ACCESS_TOKEN_TTL: {
    section: 'Sign-in',
    schema: durationText('10s', '1d'),
    default: '10m',
    meaning: 'How long an access token is valid.',
  },
  PARLEY_SESSION_TTL: {
    section: 'Sign-in',
    schema: durationText('1m', '3650d'),
    default: '30d',
    meaning: 'How long somebody stays signed in.',
  },

  PARLEY_THROTTLE_MESSAGES: {
    section: 'Limits',
    schema: RateLimitText,
    default: '5/10s',
    meaning: 'Messages that one person may send in any window of this length, or `off`.',
  },
  PARLEY_THROTTLE_SIGN_IN: {
    section: 'Limits',
    schema: RateLimitText,
    default: '10/60s',
    meaning: 'Failed sign-ins per account and address, and five times as many per address, or `off`.',
  },
  PARLEY_THROTTLE_REGISTER: {
    section: 'Limits',
    schema: RateLimitText,
    default: '60/60s',
    meaning: 'New accounts per address, or `off`.',
  },
  PARLEY_FLOOD: {
    section: 'Limits',
    schema: RateLimitText,
    default: '1000/10s',
    meaning: 'Frames of any kind that one socket may send, or `off`. One that sends more is closed.',
  },
  PARLEY_HEARTBEAT_SECONDS: {
    section: 'Limits',
    schema: wholeNumber(1, 300),
    default: '15',
    meaning: 'Seconds between two looks at whether a quiet socket is still there.',
  },

  LOG_LEVEL: {
    section: 'Logs',
    schema: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    meaning:
      'The least important log line that is written: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.',
  },
  LOG_FORMAT: {
    section: 'Logs',
    schema: oneOf('json', 'pretty'),
    otherwise: '`pretty` on a terminal, else `json`',
    meaning: 'How log lines look.',
  },
  PARLEY_DEBUG: {
    section: 'Logs',
    schema: Switch,
    default: '0',
    meaning: '`1` logs in full detail, as `LOG_LEVEL=debug` does.',
  },
  PARLEY_LOG_DIR: {
    section: 'Logs',
    schema: Text,
    default: './logs',
    meaning: 'The folder of `api_requests.log`, rotated at 5 MB, five old ones kept.',
  },

  PARLEY_METRICS_PORT: {
    section: 'Metrics',
    schema: Port,
    otherwise: 'none: `/metrics` on the main port, with the token',
    meaning: 'A port of its own for `/metrics`, without a token: keep it off the internet.',
  },
  PARLEY_METRICS_TOKEN: {
    section: 'Metrics',
    schema: refined((text) => (text.length >= 16 ? text : null), 'needs at least 16 characters'),
    otherwise: 'generated, in `secrets.json`',
    meaning: 'The bearer token that `/metrics` asks for on the main port.',
    secret: true,
  },
} as const satisfies Record<string, Variable>;

/** What the table says about each variable, without the types of their values. */
export const describedVariables: readonly (readonly [name: string, variable: Variable])[] = Object.entries(VARIABLES);

/** The value of each variable: undefined only where it is unset and has no default. */
export type Values = {
  readonly [Name in keyof typeof VARIABLES]:
    | z.output<(typeof VARIABLES)[Name]['schema']>
    | ((typeof VARIABLES)[Name] extends { readonly default: string } ? never : undefined);
};

function oneOf<const Choice extends string>(...choices: Choice[]) {
  return z.enum(choices, `use ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`);
}

function wholeNumber(least: number, most: number) {
  return refined((text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return number >= least && number <= most ? number : null;
  }, `use a whole number from ${least} to ${most}`);
}

/** Text that `read` turns into a value; where it gives null, the advice is the error. */
function refined<Value>(read: (text: string) => Value | null, advice: string) {
  return z.string().transform((text, context): Value => {
    const value = read(text);
    if (value !== null) return value;
    context.issues.push({ code: 'custom', input: text, message: advice });
    return z.NEVER;
  });
}

/** `https://host:port` of an address that has no path, query or credentials; null for any other text. */
function asOrigin(text: string): string | null {
  const url = URL.parse(text);
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
  return url && isWeb && url.href === `${url.origin}/` ? url.origin : null;
}

function asOrigins(text: string): readonly string[] | null {
  const origins = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(asOrigin);
  return origins.includes(null) ? null : (origins as string[]);
}

function asHops(text: string): number | null {
  if (text === 'off') return 0;
  const hops = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return hops <= 16 ? hops : null;
}
