import type { Services } from './services.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** The clocks of nodes may differ, and who comes back soon after is still told that the session has ended. */
const KEEP_OVER_MS = DAY_MS;
/** Whoever brings a spent refresh token back within this time ends its session, see `refreshSession`. */
const KEEP_SPENT_MS = 7 * DAY_MS;
const SESSIONS_PER_RUN = 10;

/**
 * Removes what nobody needs of the sessions that follow `after` by their ids: a few at a time, so that no message waits
 * for it. Returns where the next run goes on; after the last session it is the empty text, which begins anew.
 */
export async function forgetSessions(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  after: string,
): Promise<string> {
  const now = clock.now();
  const { next } = await store.forgetSessions({
    after,
    limit: SESSIONS_PER_RUN,
    overBefore: now - KEEP_OVER_MS,
    spentBefore: now - KEEP_SPENT_MS,
  });
  return next;
}
