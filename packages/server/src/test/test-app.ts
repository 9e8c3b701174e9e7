import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Services } from '../actions/services.ts';
import { createPasswords } from '../auth/passwords.ts';
import { SpentTokens } from '../auth/spent-tokens.ts';
import { createTokens } from '../auth/tokens.ts';
import { type AppOptions, createApp } from '../http/app.ts';
import { MessagePoster } from '../storage/message-poster.ts';
import { openStore } from '../storage/open-store.ts';
import { MemoryTail } from '../tail/memory-tail.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { MemoryThrottle } from '../throttle/memory-throttle.ts';
import { FakeClock } from './fake-clock.ts';

const TEST_SECRET = new Uint8Array(32).fill(7);
export const METRICS_TOKEN = 'a-token-for-metrics';

export type TestApp = Awaited<ReturnType<typeof createTestApp>>;

interface TestAppOptions extends Partial<Omit<AppOptions, 'services'>> {
  readonly services?: Partial<Services>;
}

/** The HTTP side of a server on a database of its own, with a clock that stands still and no port. */
export async function createTestApp(options: TestAppOptions = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-app-'));
  const clock = new FakeClock();
  const store = await openStore({
    storage: { dataDir, sqlitePath: join(dataDir, 'parley.db'), synchronous: 'full', allowWeakDurability: false },
  });
  const apiLines: string[] = [];
  const logLines: string[] = [];
  const record = (event: string, text: string) => apiLines.push(`${event}: ${text}`);
  const services: Services = {
    store,
    poster: new MessagePoster(store),
    tail: new MemoryTail(),
    throttle: new MemoryThrottle(clock),
    limits: { messages: null, signIn: { count: 3, windowMs: 60_000 }, register: null },
    passwords: createPasswords(),
    tokens: createTokens({ secret: TEST_SECRET, accessTokenTtlMs: 600_000, clock }),
    spentTokens: new SpentTokens(clock),
    sessionTtlMs: 30 * 24 * 60 * 60 * 1_000,
    clock,
    logger: createLogger({ level: 'info', format: 'json' }, { write: (line) => logLines.push(line) }),
    apiLog: { info: record, warning: record },
    metrics: createMetrics(),
    audience: () => 0,
    ...options.services,
  };
  const app = createApp({
    publicUrl: null,
    trustedProxies: 0,
    webDist: join(dataDir, 'no-web-app'),
    metricsToken: METRICS_TOKEN,
    isDraining: () => false,
    ...options,
    services,
  });
  return {
    app,
    clock,
    services,
    apiLines,
    logLines,
    /** Sends JSON below `/api/v1`. */
    async send(method: string, path: string, { body, token, headers = {} }: Sending = {}): Promise<Response> {
      return app.request(`/api/v1${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },
    async close(): Promise<void> {
      await store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

interface Sending {
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
