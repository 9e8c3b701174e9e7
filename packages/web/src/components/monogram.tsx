import { initialsOf } from '../people/names.ts';

/** Stands for a person beside their name, so it is not read out. */
export function Monogram({ name, mine = false, small = false }: { name: string; mine?: boolean; small?: boolean }) {
  const look = mine ? 'bg-accent-wash text-accent' : 'bg-hover text-soft';
  const size = small ? 'size-6 text-[0.625rem]' : 'size-9 text-xs';
  return (
    <span
      aria-hidden="true"
      className={`inline-flex shrink-0 items-center justify-center rounded-full font-semibold tracking-wide select-none ${size} ${look}`}
    >
      {initialsOf(name)}
    </span>
  );
}
