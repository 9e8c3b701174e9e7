import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import type { prettyFactory } from 'pino-pretty';
import type { LogLevel } from '../config/config.ts';

export type { Logger };

const SECRET_FIELDS = [
  'password',
  'passwordHash',
  'token',
  'accessToken',
  'refreshToken',
  'refreshTokenHash',
  'metricsToken',
  'tokenSecret',
  'secret',
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  '["set-cookie"]',
  '["sec-websocket-protocol"]',
];
const DEEPEST_REDACTED = 3;

interface LoggerSettings {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
}

/**
 * The log of the process: one JSON object a line on standard output, or lines for people when asked. Lines are written
 * at once and in the process itself, so that the last one before a crash is there. Fields named as secrets are blanked
 * down to the fourth level; message bodies are for callers to leave out.
 */
export function createLogger(settings: LoggerSettings, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level: settings.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secretPaths(), censor: '[redacted]' },
  };
  const output = destination ?? pino.destination({ dest: 1, sync: true });
  if (settings.format === 'json') return pino(options, output);
  // Most servers log JSON: only those that do not pay for the module.
  const pretty: { prettyFactory: typeof prettyFactory } = createRequire(import.meta.url)('pino-pretty');
  const prettify = pretty.prettyFactory({
    translateTime: 'SYS:HH:MM:ss.l',
    colorize: destination === undefined && process.stdout.isTTY && process.stdout.hasColors(),
  });
  return pino(options, { write: (line) => output.write(prettify(line)) });
}

function secretPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) =>
    Array.from({ length: DEEPEST_REDACTED + 1 }, (_, depth) => {
      const parents = Array(depth).fill('*').join('.');
      return field.startsWith('[') || depth === 0 ? parents + field : `${parents}.${field}`;
    }),
  );
}
