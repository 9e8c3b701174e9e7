import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** All that it has written so far, on both streams. */
  output(): string;
  /** Sends the signal and waits for the end: the exit code, or null where the signal ended it. */
  stop(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<number | null>;
}

interface ServerProcessOptions {
  /** Holds data and logs; an earlier server's data are taken up again. */
  readonly folder: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The real server as a process of its own, with no limits unless asked for. Resolves once it listens. */
export async function startServerProcess({ folder, port, env = {} }: ServerProcessOptions): Promise<ServerProcess> {
  mkdirSync(folder, { recursive: true });
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      HOST: '127.0.0.1',
      LOG_FORMAT: 'pretty',
      PARLEY_DATA_DIR: join(folder, 'data'),
      PARLEY_LOG_DIR: join(folder, 'logs'),
      PARLEY_THROTTLE_MESSAGES: 'off',
      PARLEY_THROTTLE_SIGN_IN: 'off',
      PARLEY_THROTTLE_REGISTER: 'off',
      ...env,
    },
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const output = await announced(child);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid as number,
    output,
    async stop(signal) {
      child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
}

/** Resolves once it listens, with what tells all that it has written. */
function announced(child: ChildProcess): Promise<() => string> {
  let output = '';
  return new Promise((resolve, reject) => {
    const hear = (text: string) => {
      output += text;
      if (output.includes('Parley is at')) resolve(() => output);
    };
    child.stdout?.setEncoding('utf8').on('data', hear);
    child.stderr?.setEncoding('utf8').on('data', hear);
    child.once('exit', (code) => reject(new Error(`The server ended with ${code} before it listened:\n${output}`)));
  });
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
