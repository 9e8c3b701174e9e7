import type { PresenceState } from '@parley/protocol';
import { bestPresence } from '../domain/best-presence.ts';
import type { Presence } from './presence.ts';

/** The presence of nodes that live in one process; a single node has only itself to ask. */
export class MemoryPresence {
  readonly #nodes = new Set<MemoryPresenceNode>();

  connect(): Presence {
    const node = new MemoryPresenceNode(this.#nodes);
    this.#nodes.add(node);
    return node;
  }
}

class MemoryPresenceNode implements Presence {
  readonly #nodes: Set<MemoryPresenceNode>;
  readonly #own = new Map<string, PresenceState>();
  #listener: (userIds: readonly string[]) => void = () => {};

  constructor(nodes: Set<MemoryPresenceNode>) {
    this.#nodes = nodes;
  }

  set(userId: string, state: PresenceState): void {
    if ((this.#own.get(userId) ?? 'offline') === state) return;
    if (state === 'offline') this.#own.delete(userId);
    else this.#own.set(userId, state);
    for (const node of this.#nodes) node.#listener([userId]);
  }

  stateOf(userId: string): PresenceState {
    return bestPresence([...this.#nodes].map((node) => node.#own.get(userId) ?? 'offline'));
  }

  onChange(listener: (userIds: readonly string[]) => void): void {
    this.#listener = listener;
  }

  otherNodes(): number {
    return this.#nodes.size - 1;
  }

  async close(): Promise<void> {
    this.#nodes.delete(this);
    const gone = [...this.#own.keys()];
    for (const node of this.#nodes) node.#listener(gone);
  }
}
