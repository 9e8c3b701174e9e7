import type { Entry } from '@parley/protocol';
import { postedEntry, postedMessage } from '../posted-message.ts';
import type { MessageToPost, PostOutcome } from '../store.ts';

/**
 * What became of a batch, as it goes from the database's thread to the server's. That one knows the messages, so of
 * those that were posted the places alone travel: to copy whole messages and entries from thread to thread was an
 * eighth of all work under load.
 */
export interface PackedOutcomes {
  /** By place in the batch, as are the ordinals and the names of the channels; 0 where a message was not posted. */
  readonly seqs: readonly number[];
  readonly ordinals: readonly number[];
  readonly channelNames: readonly (string | null)[];
  /** The outcomes of all others, by place in the batch. */
  readonly others: ReadonlyMap<number, PostOutcome>;
}

export function packed(outcomes: readonly PostOutcome[]): PackedOutcomes {
  const seqs: number[] = [];
  const ordinals: number[] = [];
  const channelNames: (string | null)[] = [];
  const others = new Map<number, PostOutcome>();
  for (const [place, outcome] of outcomes.entries()) {
    const isPosted = outcome.status === 'posted';
    seqs.push(isPosted ? outcome.message.seq : 0);
    ordinals.push(isPosted ? outcome.message.ordinal : 0);
    channelNames.push(isPosted ? outcome.channelName : null);
    if (!isPosted) others.set(place, outcome);
  }
  return { seqs, ordinals, channelNames, others };
}

/** The outcomes of a batch, and the entries that its messages made. */
export function unpacked({ seqs, ordinals, channelNames, others }: PackedOutcomes, batch: readonly MessageToPost[]) {
  const entries: Entry[] = [];
  const outcomes = batch.map((posting, place): PostOutcome => {
    const other = others.get(place);
    if (other) return other;
    const message = postedMessage(posting, seqs[place] as number, ordinals[place] as number);
    entries.push(postedEntry(message));
    return { status: 'posted', message, channelName: channelNames[place] as string | null };
  });
  return { outcomes, entries };
}

/** How many messages of a batch were posted. */
export function countPosted({ seqs, others }: PackedOutcomes): number {
  return seqs.length - others.size;
}
