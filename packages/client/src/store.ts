import type { LogEntry } from './frames.ts';
import { applyEntry, closeDraft, type Draft, openDraft } from './reduce.ts';
import type { State } from './types.ts';

/** Holds the state and tells listeners, once a tick, that something changed. */
export interface Store {
  /** The same object until something changes. */
  getState(): State | null;
  /** The cursor of a stream, or undefined where it is not followed. */
  cursorOf(stream: string): number | undefined;
  apply(entry: LogEntry): void;
  replace(state: State | null): void;
  /** Changes something that no entry says, such as loaded history. Nothing happens without a state. */
  update(change: (state: State) => State): void;
  subscribe(listener: () => void): () => void;
  /** Has the listeners called at the end of this tick, however often it is called until then. */
  changed(): void;
}

export function createStore(): Store {
  let state: State | null = null;
  // Entries that arrive in one tick share a draft; whoever looks at the state in between closes it.
  let draft: Draft | null = null;
  let scheduled = false;
  const listeners = new Set<() => void>();

  function getState(): State | null {
    if (draft !== null) {
      state = closeDraft(draft);
      draft = null;
    }
    return state;
  }

  function changed(): void {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      for (const listener of [...listeners]) listener();
    });
  }

  function replace(next: State | null): void {
    draft = null;
    state = next;
    changed();
  }

  return {
    getState,
    cursorOf: (stream) => (draft ?? state)?.cursors.get(stream),
    apply(entry) {
      if (state === null) return;
      draft ??= openDraft(state);
      applyEntry(draft, entry);
      changed();
    },
    replace,
    update(change) {
      const before = getState();
      if (before === null) return;
      const after = change(before);
      if (after !== before) replace(after);
    },
    subscribe(listener) {
      // Wrapped, so that subscribing one function twice needs two stops.
      const own = () => listener();
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    changed,
  };
}
