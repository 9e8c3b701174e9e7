/** What to do once a socket has closed. */
export type AfterClose =
  /** Come back after the usual back-off. */
  | { readonly kind: 'retry' }
  /** Come back at once. */
  | { readonly kind: 'resume' }
  /** Come back with a fresh token. */
  | { readonly kind: 'renew' }
  /** Come back after so many milliseconds, and a random bit of `spreadMs` more. */
  | { readonly kind: 'wait'; readonly ms: number; readonly spreadMs: number }
  /** The session is over. */
  | { readonly kind: 'sign-out' }
  /** Coming back would fail the same way. */
  | { readonly kind: 'stop' };

const RESTART_SPREAD_MS = 1_000;
const FLOODING_WAIT_MS = 10_000;
const LONGEST_HINT_MS = 60_000;

/** Reads a close as the protocol means it (see the protocol's `CLOSES`); any other code is a lost connection. */
export function afterClose(code: number, reason: string): AfterClose {
  switch (code) {
    case 1012: {
      const hint = hintOf(reason);
      return { kind: 'wait', ms: hint ?? 0, spreadMs: hint === null ? RESTART_SPREAD_MS : hint / 4 };
    }
    case 4400:
      return { kind: 'stop' };
    case 4401:
      return { kind: 'renew' };
    case 4403:
      return { kind: 'sign-out' };
    case 4408:
      return { kind: 'resume' };
    case 4429: {
      const ms = hintOf(reason) ?? FLOODING_WAIT_MS;
      return { kind: 'wait', ms, spreadMs: ms / 4 };
    }
    default:
      return { kind: 'retry' };
  }
}

/** The wait in a close reason of the form `{"retryAfterMs":1200}`, or null. */
function hintOf(reason: string): number | null {
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: unknown };
    return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? Math.min(retryAfterMs, LONGEST_HINT_MS) : null;
  } catch {
    return null;
  }
}
