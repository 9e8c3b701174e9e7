import type { RedisConnection } from './redis-connection.ts';
import type { RedisLink } from './redis-link.ts';

/** Where keys and channels are kept: in one Redis, or on the nodes of a cluster. */
export interface RedisDeployment {
  /** Whether channels belong to nodes, as keys do, so that those of different nodes cannot be named together. */
  readonly isCluster: boolean;
  /** A link on which plain publish and subscribe reaches everybody. */
  readonly broadcast: RedisLink;
  /** The links that there are now. */
  readonly links: readonly RedisLink[];
  /** The link to whoever keeps a key or a channel; null while that is not known. */
  linkFor(key: string): RedisLink | null;
  /** The connection to ask about a key; null while it is not known who keeps it. */
  commandsFor(key: string): RedisConnection | null;
  /** Called when others keep what somebody else kept before. */
  onMoved(listener: () => void): void;
  /** Whether everybody who keeps something answers. */
  isUp(): boolean;
  /** Waits until that is so, at most so many milliseconds; without it a node starts all the same. */
  settled(millis: number): Promise<void>;
  /** While it is not so, sentences that say why and what that means. */
  readonly warnings: readonly string[];
  close(): void;
}
