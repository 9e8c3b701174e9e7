import type { Entry } from '@parley/protocol';
import type { Bus } from '../bus/bus.ts';
import type { Store } from '../storage/store.ts';
import type { Hub } from './hub.ts';

/** Passes what this node commits to the people on this node, and as a hint to the other nodes. */
export function relayCommits(store: Pick<Store, 'onCommitted'>, hub: Hub, bus: Bus): void {
  store.onCommitted((entries: readonly Entry[]) => {
    const byStream = gathered(entries);
    hub.accept(byStream);
    bus.publish(byStream);
  });
}

// A commit may hold entries of several operations on the same stream: brought together, they travel as one batch.
function gathered(entries: readonly Entry[]): readonly Entry[] {
  const streams = new Map<string, Entry[]>();
  for (const entry of entries) {
    const group = streams.get(entry.stream);
    if (group) group.push(entry);
    else streams.set(entry.stream, [entry]);
  }
  return streams.size === 1 ? entries : [...streams.values()].flat();
}
