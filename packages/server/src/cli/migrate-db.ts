import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, readConfig } from '../config/config.ts';
import { DatabaseUrlText } from '../config/database-url.ts';
import { StartError } from '../domain/start-error.ts';
import { type Moved, moveDatabase } from '../storage/moving/move-database.ts';
import { openSource } from '../storage/moving/source.ts';
import { openTarget } from '../storage/moving/target.ts';
import { addressOf, hidePasswords } from '../storage/postgres/address.ts';
import { ProgressBar } from './progress-bar.ts';
import { UsageError } from './usage-error.ts';

interface Options {
  readonly from?: string;
  readonly to?: string;
}

interface Route {
  /** An absolute path. */
  readonly path: string;
  readonly url: string;
  /** Where the URL was given. */
  readonly givenAs: string;
}

const PATIENCE_MS = 10_000;

/**
 * Moves everything from an SQLite file to an empty PostgreSQL database, so that clients go on as if nothing had
 * happened, and says what to do next. The file stays as it is. Run again after an interruption, it goes on.
 * @throws UsageError, ConfigError, StartError; none of them repeats a password
 */
export async function migrateDb(options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env);
  const route = routeOf(options, config);
  const bar = new ProgressBar(process.stderr);
  const interrupted = new AbortController();
  const interrupt = () =>
    interrupted.abort(
      new StartError('Interrupted. What has been copied is kept: run the same command again to go on.'),
    );
  // A second signal ends the process at once, which is as safe.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);

  const source = openSource(route.path);
  try {
    const target = await openTarget(
      {
        url: route.url,
        givenAs: route.givenAs,
        allowWeakDurability: config.storage.allowWeakDurability,
        patienceMs: PATIENCE_MS,
        onWaiting: (sentence) => bar.say(sentence),
      },
      source,
    );
    try {
      if (target.resumes) bar.say('Going on where the last run stopped.');
      const moved = await moveDatabase(source, target, { signal: interrupted.signal, progress: bar });
      bar.end();
      process.stdout.write(summaryOf(moved, route, config));
    } finally {
      bar.end();
      await target.close();
    }
  } finally {
    source.close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

/** What the options say, and for the rest the settings. */
function routeOf(options: Options, { storage }: Config): Route {
  const from = options.from === undefined ? null : databaseIn('--from', options.from);
  const to = options.to === undefined ? null : databaseIn('--to', options.to);
  if (from?.engine === 'postgres') {
    throw new UsageError('--from: messages are moved from SQLite to PostgreSQL, and not the other way round.');
  }
  if (to?.engine === 'sqlite') {
    throw new UsageError('--to: messages are moved to PostgreSQL. An SQLite database is a file that can be copied.');
  }
  const url = to?.url ?? storage.postgresUrl;
  if (url === undefined) {
    throw new UsageError('Say where to, with --to or DATABASE_URL: postgres://user:password@host:5432/database');
  }
  return {
    path: resolve(from?.path ?? storage.sqlitePath),
    url,
    givenAs: to ? '--to' : 'DATABASE_URL',
  };
}

function databaseIn(option: string, text: string) {
  const result = DatabaseUrlText.safeParse(text);
  if (result.success) return result.data;
  throw new UsageError(`${option}: ${result.error.issues.map(({ message }) => message).join('; ')}.`);
}

function summaryOf({ tables, copied, streams }: Moved, { path, url }: Route, config: Config): string {
  const width = Math.max(...tables.map(({ name }) => name.length));
  const lines = tables.map(({ name, rows }) => `  ${name.padEnd(width)}  ${rows.toLocaleString('en').padStart(13)}`);
  const all = tables.reduce((sum, { rows }) => sum + rows, 0);
  const before = all === copied ? '' : `, ${(all - copied).toLocaleString('en')} of them by an earlier run`;
  return `Everything is at ${addressOf(url)}: ${all.toLocaleString('en')} rows${before}.
${lines.join('\n')}
Counts and checksums are the same on both sides, for every table and each of ${streams.toLocaleString('en')} streams.

What to do next:
  1. Set DATABASE_URL for the server, with the password in the place of the stars:
       DATABASE_URL='${hidePasswords(url)}'
  2. ${secretsAdvice(path, config)}
  3. Start the server. Everybody stays signed in and goes on where they were.
  4. Keep ${path}, which was not changed, as a backup, and start no
     server on it any more: what is written there from now on would be missing here.
`;
}

/** Tokens stay valid where the server that follows has the secret of the one before. */
function secretsAdvice(path: string, { auth, storage }: Config): string {
  if (auth.secret !== null) return 'Keep PARLEY_SECRET (or the file that PARLEY_SECRET_FILE names) as it is.';
  const folder = [dirname(path), resolve(storage.dataDir)].find((folder) => existsSync(join(folder, 'secrets.json')));
  if (folder === undefined) return 'Keep the PARLEY_SECRET or the secrets.json that the server has had until now.';
  return `Keep the secrets: ${join(folder, 'secrets.json')} signs the access tokens.
       PARLEY_DATA_DIR='${folder}'
     On another machine, copy that file into its data folder; for several nodes, into each one's.`;
}
