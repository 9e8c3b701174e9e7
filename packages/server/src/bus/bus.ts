import type { Entry } from '@parley/protocol';

/**
 * Carries hints of committed entries between nodes. A hint may be lost, late or doubled, and proves nothing: whoever
 * receives one checks it against the log's dense sequence.
 */
export interface Bus {
  /** Tells the other nodes. Never throws and never waits. */
  publish(entries: readonly Entry[]): void;
  /** Asks for the hints of a stream; a node asks only for streams that somebody there follows. */
  follow(stream: string): void;
  unfollow(stream: string): void;
  /** Called with the hints that other nodes published, for followed streams. */
  onEntries(listener: (entries: readonly Entry[]) => void): void;
  /**
   * Called with the streams whose hints arrive from now on, where that was not so from `follow` on, or where a hint of
   * them is known to be lost: what was committed before may have gone unheard.
   */
  onFollowing(listener: (streams: readonly string[]) => void): void;
  /** False while hints are known to be getting lost: then nodes compare heads with the database every second. */
  isUp(): boolean;
  close(): Promise<void>;
}
