import { type Entry, type Failure, fail } from '@parley/protocol';

/** A reader this far behind is given up: it would take the process's memory with it. */
const BEHIND_MOST = 100_000;
/** With more than this waiting in a reader, older entries are not fetched any faster. */
const ROOM_BELOW = 1_000;

/** Applied entries, for whoever iterates them. */
export interface Feed {
  publish(entry: Entry): void;
  /**
   * What `pick` makes of each entry from this call on, nothing where it answers undefined. Entries wait for the
   * reader, at most 100,000: one that falls further behind gets an error in their place.
   */
  read<Value>(pick: (entry: Entry) => Value | undefined): AsyncIterableIterator<Value>;
  readonly readers: number;
  /** Resolves when no reader has many entries waiting. */
  room(): Promise<void>;
  /** Ends all readers once they have read what waits: quietly, or with an error. */
  end(error?: Failure): void;
}

interface Reader {
  offer(entry: Entry): void;
  waiting(): number;
  end(error?: Failure): void;
}

export function createFeed(): Feed {
  const readers = new Set<Reader>();
  let wanted: (() => void)[] = [];

  const hasRoom = () => [...readers].every((reader) => reader.waiting() < ROOM_BELOW);

  function tellRoom(): void {
    if (wanted.length === 0 || !hasRoom()) return;
    const told = wanted;
    wanted = [];
    for (const tell of told) tell();
  }

  function read<Value>(pick: (entry: Entry) => Value | undefined): AsyncIterableIterator<Value> {
    const buffer = createBuffer<Value>();
    const reader: Reader = {
      offer(entry) {
        const value = pick(entry);
        if (value === undefined) return;
        if (buffer.size < BEHIND_MOST) return buffer.push(value);
        leave(fail('unavailable', `This reader fell ${BEHIND_MOST} entries behind.`));
      },
      waiting: () => buffer.size,
      end: (error) => buffer.end(error),
    };
    function leave(error?: Failure): void {
      readers.delete(reader);
      buffer.end(error);
      tellRoom();
    }
    readers.add(reader);
    return {
      next() {
        const taken = buffer.take();
        tellRoom();
        return taken;
      },
      async return() {
        buffer.clear();
        leave();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  return {
    publish(entry) {
      for (const reader of readers) reader.offer(entry);
    },
    read,
    get readers() {
      return readers.size;
    },
    room: () => (hasRoom() ? Promise.resolve() : new Promise((resolve) => wanted.push(resolve))),
    end(error) {
      for (const reader of [...readers]) reader.end(error);
      readers.clear();
      tellRoom();
    },
  };
}

interface Buffer<Value> {
  readonly size: number;
  push(value: Value): void;
  take(): Promise<IteratorResult<Value>>;
  end(error?: Failure): void;
  clear(): void;
}

/** A queue that can be awaited: values given before they are asked for wait, and the other way round. */
function createBuffer<Value>(): Buffer<Value> {
  let values: Value[] = [];
  let first = 0;
  let takers: PromiseWithResolvers<IteratorResult<Value>>[] = [];
  let ended: { readonly error: Failure | undefined } | null = null;

  function settleEnd(taker: PromiseWithResolvers<IteratorResult<Value>>): void {
    if (ended?.error === undefined) taker.resolve({ done: true, value: undefined });
    else taker.reject(ended.error);
    // An error is told once; after that the reader is simply done.
    ended = { error: undefined };
  }

  return {
    get size() {
      return values.length - first;
    },
    push(value) {
      if (ended !== null) return;
      const taker = takers.shift();
      if (taker) taker.resolve({ done: false, value });
      else values.push(value);
    },
    take() {
      const taker = Promise.withResolvers<IteratorResult<Value>>();
      if (first < values.length) {
        taker.resolve({ done: false, value: values[first] as Value });
        first += 1;
        // Taking from the front of an array moves all the rest: do it seldom.
        if (first > 1_024 && first * 2 > values.length) {
          values = values.slice(first);
          first = 0;
        }
      } else if (ended !== null) settleEnd(taker);
      else takers.push(taker);
      return taker.promise;
    },
    end(error) {
      if (ended !== null) return;
      ended = { error };
      for (const taker of takers) settleEnd(taker);
      takers = [];
    },
    clear() {
      values = [];
      first = 0;
    },
  };
}
