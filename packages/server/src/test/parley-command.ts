import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(new URL('../../bin/parley.js', import.meta.url));

/** A run of `parley`. */
export interface Command {
  readonly process: ChildProcess;
  /** Null where a signal ended it. */
  readonly exitCode: Promise<number | null>;
  stdout(): string;
  stderr(): string;
}

interface CommandOptions {
  /** Where it runs, and keeps data and logs. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  /** All that there is on standard input. */
  readonly input?: string;
}

/** Runs the real command as a process of its own, on a free port, without a terminal. */
export function runParley(args: readonly string[], { folder, env = {}, input = '' }: CommandOptions): Command {
  const child = spawn(process.execPath, [BINARY, ...args], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      HOST: '127.0.0.1',
      PARLEY_DATA_DIR: join(folder, 'data'),
      PARLEY_LOG_DIR: join(folder, 'logs'),
      ...env,
    },
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  child.stdin.end(input);
  return {
    process: child,
    exitCode: new Promise((resolve) => child.once('close', resolve)),
    stdout: () => output.stdout,
    stderr: () => output.stderr,
  };
}
