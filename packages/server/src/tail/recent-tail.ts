import type { Entry, Event } from '@parley/protocol';

/** So many of a stream's latest entries are remembered, as long as the stream is in use. */
export const TAIL_LENGTH = 100;

/** Of people's own streams, which nobody shares with them, nothing is remembered. */
const OF_ONE_PERSON: ReadonlySet<Event['type']> = new Set<Event['type']>([
  'membership.added',
  'membership.removed',
  'read.advanced',
  'session.ended',
]);

export function isRemembered({ event }: Entry): boolean {
  return !OF_ONE_PERSON.has(event.type);
}

export interface TailRange {
  readonly stream: string;
  readonly after: number;
  readonly to: number;
}

/**
 * The latest entries of each channel and of the workspace, as far as they are remembered: quicker to ask than the log, and never the truth.
 * Only what was committed is ever remembered, so what it says is so. That it says nothing proves nothing: entries are
 * remembered late, out of order, by several nodes, or not at all.
 */
export interface RecentTail {
  /** The entries after+1 … to, one at least and all of them, or null. Never throws. */
  read(range: TailRange): Promise<readonly Entry[] | null>;
}

/** A tail that remembers what it is given. */
export interface AppendableTail extends RecentTail {
  append(entries: readonly Entry[]): void;
}

/**
 * The entries of a range that are among these, in whatever order and however often they stand there; null where one is
 * missing, or where two have the same seq and do not say the same, so that one of them is not of this log.
 */
export function completeRun({ after, to }: TailRange, entries: Iterable<Entry>): readonly Entry[] | null {
  if (to <= after || to - after > TAIL_LENGTH) return null;
  const run = new Array<Entry | undefined>(to - after);
  let found = 0;
  for (const entry of entries) {
    const place = entry.seq - after - 1;
    if (place < 0 || place >= run.length) continue;
    const known = run[place];
    if (known && JSON.stringify(known) !== JSON.stringify(entry)) return null;
    if (!known) found += 1;
    run[place] = entry;
  }
  return found === run.length ? (run as Entry[]) : null;
}
