import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Failure } from '@parley/protocol';
import { ConfigError } from '../config/config.ts';
import { StartError } from '../domain/start-error.ts';
import { HELP } from './help.ts';
import { UsageError } from './usage-error.ts';

/** The options that a command understands beside those that all do. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'admin create-superuser': ['username', 'display-name', 'password', 'password-stdin', 'promote'],
  'migrate-db': ['from', 'to'],
  'admin new-epoch': ['yes'],
  health: ['live'],
};

/**
 * Runs one command of `parley` to its end and sets the exit code: 0 done, 1 it could not be done, 2 it was called with
 * arguments or an environment that make no sense. Commands are imported when they run, so that help needs nothing.
 */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  try {
    await run(args);
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = error instanceof ConfigError || error instanceof UsageError ? 2 : 1;
  }
}

async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const { help, version, ...options } = values;
  if (help) return print(HELP);
  if (version) return print(`${ownVersion()}\n`);

  // Variables that are set already win over those of the file.
  if (existsSync('.env')) process.loadEnvFile();
  // What follows may hold a password, and is never repeated.
  if (positionals[0] === 'migrate-db' && positionals.length > 1) {
    throw new UsageError('Name the databases with --from and --to.');
  }
  const command = positionals.join(' ');
  const stray = Object.keys(options).find((name) => !OPTIONS[command]?.includes(name));
  if (stray) throw new UsageError(`Unknown option '--${stray}' for "parley ${command}".`);
  if (command === 'admin create-superuser') {
    const { createSuperuser } = await import('./create-superuser.ts');
    return createSuperuser(options, process.env);
  }
  if (command === 'admin new-epoch') {
    const { newEpoch } = await import('./new-epoch.ts');
    return newEpoch(options, process.env);
  }
  if (command === 'health') {
    const { health } = await import('./health.ts');
    return health(options, process.env);
  }
  if (command === '' || command === 'serve') {
    const { serve } = await import('./serve.ts');
    return serve(process.env);
  }
  if (command === 'migrate') {
    const { migrate } = await import('./migrate.ts');
    return migrate(process.env);
  }
  if (command === 'migrate-db') {
    const { migrateDb } = await import('./migrate-db.ts');
    return migrateDb(options, process.env);
  }
  throw new UsageError(`There is no command "parley ${command}".`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
        username: { type: 'string' },
        'display-name': { type: 'string' },
        password: { type: 'string' },
        'password-stdin': { type: 'boolean' },
        promote: { type: 'boolean' },
        from: { type: 'string' },
        to: { type: 'string' },
        yes: { type: 'boolean' },
        live: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** A sentence for what people can mend themselves; the stack for what only we can. */
function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n"parley --help" shows what there is.`;
  if (error instanceof ConfigError || error instanceof StartError) return error.message;
  if (error instanceof Failure) return [error.message, ...fieldProblems(error)].join('\n');
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function fieldProblems(failure: Failure): string[] {
  return (failure.details.errors ?? []).map(({ path, message }) => `  ${path}: ${message}`);
}

function ownVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

function print(text: string): void {
  process.stdout.write(text);
}
