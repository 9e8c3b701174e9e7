import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { readConfig } from '../config/config.ts';
import { createServer, type Overrides, type Server } from '../server.ts';

export interface TestServer extends Server {
  /** The folder that holds data and logs; gone after `close` unless it was given. */
  readonly folder: string;
}

interface TestServerOptions extends Overrides {
  /** Environment variables beside those that put everything into a folder of its own and take the limits off. */
  readonly env?: Readonly<Record<string, string>>;
  /** Goes on with the data of an earlier server. */
  readonly folder?: string;
}

/** A whole server in this process: a real database, a free port, no limits unless asked for. */
export async function startTestServer({ env = {}, folder, ...overrides }: TestServerOptions = {}): Promise<TestServer> {
  const home = folder ?? mkdtempSync(join(tmpdir(), 'parley-test-'));
  const config = readConfig({
    PORT: '0',
    HOST: '127.0.0.1',
    PARLEY_DATA_DIR: join(home, 'data'),
    PARLEY_LOG_DIR: join(home, 'logs'),
    PARLEY_THROTTLE_MESSAGES: 'off',
    PARLEY_THROTTLE_SIGN_IN: 'off',
    PARLEY_THROTTLE_REGISTER: 'off',
    ...env,
  });
  const server = await createServer(config, { logger: pino({ level: 'silent' }), ...overrides });
  return {
    ...server,
    folder: home,
    async close() {
      await server.close();
      if (folder === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
}
