import type { PresenceState } from '@parley/protocol';

/** Who is there, over all nodes. It lives in memory alone: what a node knows of the others may be late, and heals. */
export interface Presence {
  /** Says what somebody is at this node, and tells the other nodes. Never throws and never waits. */
  set(userId: string, state: PresenceState): void;
  /** The best of what all nodes say of somebody, as far as it has been heard here. */
  stateOf(userId: string): PresenceState;
  /** Called with people of whom this node or another one says something new. */
  onChange(listener: (userIds: readonly string[]) => void): void;
  /** How many other nodes are heard from. */
  otherNodes(): number;
  /** Leaves without a word: the others soon forget what this node has said. */
  close(): Promise<void>;
}
