import type { Entry } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

interface Range {
  readonly stream: string;
  readonly after: number;
  /** At most 500. */
  readonly limit: number;
}

/** A page of a stream's log. @throws channel_not_found, not_a_member */
export function readLog(
  { store }: Pick<Services, 'store'>,
  { userId }: Actor,
  range: Range,
): Promise<{ entries: Entry[]; head: number }> {
  return store.readLog({ ...range, userId });
}
