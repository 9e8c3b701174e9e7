import type { PresenceState } from '@parley/protocol';
import { initialsOf } from '../people/names.ts';
import { PresenceDot } from './presence-dot.tsx';

interface MonogramProps {
  readonly name: string;
  readonly mine?: boolean;
  readonly small?: boolean;
  /** Shown in the corner, where it is known. */
  readonly presence?: PresenceState | null;
}

/** Stands for a person beside their name, so it is not read out. */
export function Monogram({ name, mine = false, small = false, presence = null }: MonogramProps) {
  const look = mine ? 'bg-accent-wash text-accent' : 'bg-hover text-soft';
  const size = small ? 'size-6 text-[0.625rem]' : 'size-9 text-xs';
  return (
    <span aria-hidden="true" className="relative inline-flex shrink-0">
      <span
        className={`inline-flex items-center justify-center rounded-full font-semibold tracking-wide select-none ${size} ${look} ${presence === null ? '' : 'notched'}`}
      >
        {initialsOf(name)}
      </span>
      {presence !== null && <PresenceDot state={presence} />}
    </span>
  );
}
