import type { PresenceState } from '@parley/protocol';

const RANKS: Readonly<Record<PresenceState, number>> = { offline: 0, away: 1, online: 2 };

/** What somebody is who is all of these at different places; offline where there is none. */
export function bestPresence(states: Iterable<PresenceState>): PresenceState {
  let best: PresenceState = 'offline';
  for (const state of states) if (RANKS[state] > RANKS[best]) best = state;
  return best;
}
