import type { Store } from '../storage/store.ts';
import type { Router } from './router.ts';
import { withTimeLimit } from './time-limit.ts';

const PING_LIMIT_MS = 2_000;
const ASK_AGAIN_MS = 500;

interface HealthOptions {
  readonly store: Pick<Store, 'ping' | 'warnings'>;
  /** True from the moment the server begins to stop. */
  readonly isDraining: () => boolean;
  /** What is degraded elsewhere at this moment, one sentence each. */
  readonly warnings?: (() => readonly string[]) | undefined;
}

/**
 * `/livez`: the process answers. `/readyz`: it may be sent traffic, 200 or 503; `degraded` is ready, with warnings that
 * somebody ought to read.
 */
export function healthRoutes(router: Router, { store, isDraining, ...others }: HealthOptions): void {
  const databaseAnswers = askedSeldom(() => answersInTime(store));
  router.get('/livez', (context) => {
    context.header('Cache-Control', 'no-store');
    return context.json({ status: 'ok' });
  });

  router.get('/readyz', async (context) => {
    context.header('Cache-Control', 'no-store');
    const checks = { database: await databaseAnswers(), accepting: !isDraining() };
    const isReady = Object.values(checks).every(Boolean);
    const warnings = [...store.warnings, ...(others.warnings?.() ?? [])];
    const status = isReady ? (warnings.length > 0 ? 'degraded' : 'ok') : 'unavailable';
    return context.json({ status, checks, warnings }, isReady ? 200 : 503);
  });
}

async function answersInTime(store: Pick<Store, 'ping'>): Promise<boolean> {
  try {
    await withTimeLimit(PING_LIMIT_MS, store.ping({}));
    return true;
  } catch {
    return false;
  }
}

/** Asks at most once in a while, whoever wants to know: anybody may, and each answer costs a commit. */
function askedSeldom(ask: () => Promise<boolean>): () => Promise<boolean> {
  let answer: Promise<boolean> | null = null;
  return () => {
    if (!answer) {
      answer = ask();
      setTimeout(() => {
        answer = null;
      }, ASK_AGAIN_MS).unref();
    }
    return answer;
  };
}
