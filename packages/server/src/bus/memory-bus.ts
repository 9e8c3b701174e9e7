import type { Entry } from '@parley/protocol';
import type { Bus } from './bus.ts';

/** The bus of nodes that live in one process; a single node alone publishes to nobody. */
export class MemoryBus {
  readonly #nodes = new Set<MemoryBusNode>();

  connect(): Bus {
    const node = new MemoryBusNode(this.#nodes);
    this.#nodes.add(node);
    return node;
  }
}

class MemoryBusNode implements Bus {
  readonly #nodes: Set<MemoryBusNode>;
  readonly #followed = new Set<string>();
  readonly #listeners: ((entries: readonly Entry[]) => void)[] = [];

  constructor(nodes: Set<MemoryBusNode>) {
    this.#nodes = nodes;
  }

  publish(entries: readonly Entry[]): void {
    for (const node of this.#nodes) if (node !== this) node.#receive(entries);
  }

  follow(stream: string): void {
    this.#followed.add(stream);
  }

  unfollow(stream: string): void {
    this.#followed.delete(stream);
  }

  onEntries(listener: (entries: readonly Entry[]) => void): void {
    this.#listeners.push(listener);
  }

  onFollowing(): void {
    // Whoever follows is heard at once: there is never anything to tell.
  }

  isUp(): boolean {
    return true;
  }

  async close(): Promise<void> {
    this.#nodes.delete(this);
  }

  #receive(entries: readonly Entry[]): void {
    const wanted = entries.filter((entry) => this.#followed.has(entry.stream));
    if (wanted.length > 0) queueMicrotask(() => this.#tell(wanted));
  }

  #tell(entries: readonly Entry[]): void {
    for (const listener of this.#listeners) listener(entries);
  }
}
