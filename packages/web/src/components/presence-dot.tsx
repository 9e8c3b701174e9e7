import type { PresenceState } from '@parley/protocol';

export const PRESENCE_WORDS = { online: 'Online', away: 'Away', offline: 'Offline' } as const;

/** Whether somebody is there: a disc, a moon or a ring. It is not read out: the word stands beside it. */
export function PresenceDot({ state }: { state: PresenceState }) {
  return (
    <svg aria-hidden="true" viewBox="0 0 10 10" className="absolute -right-0.75 -bottom-0.75 size-2.5">
      {state === 'online' && <circle cx="5" cy="5" r="4.5" className="fill-online" />}
      {state === 'away' && <path d="M4.4 0.6 A4.5 4.5 0 1 0 9.4 5.6 A3.6 3.6 0 0 1 4.4 0.6 Z" className="fill-away" />}
      {state === 'offline' && <circle cx="5" cy="5" r="3.5" className="fill-none stroke-faint stroke-2" />}
    </svg>
  );
}

/** The word for it, for those who do not see the dot. */
export function PresenceWord({ state }: { state: PresenceState | null }) {
  return state && <span className="sr-only">, {PRESENCE_WORDS[state].toLowerCase()}</span>;
}
