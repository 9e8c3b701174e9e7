import type { Entry } from '@parley/protocol';
import { type AppendableTail, completeRun, isRemembered, TAIL_LENGTH, type TailRange } from './recent-tail.ts';

interface RememberedStream {
  readonly entries: Map<number, Entry>;
  highest: number;
  bytes: number;
}

const MOST_BYTES = 16 * 1024 * 1024;
/** About what an entry takes besides the text of its message. */
const ENTRY_BYTES = 1_000;

/**
 * The tail of one process. Entries that were in memory anyway are held on to, up to about 16 MiB; then those streams
 * are forgotten that have not been added to for the longest.
 */
export class MemoryTail implements AppendableTail {
  readonly #streams = new Map<string, RememberedStream>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) if (isRemembered(entry)) this.#append(entry);
    for (const stream of this.#streams.keys()) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#forget(stream);
    }
  }

  async read(range: TailRange): Promise<readonly Entry[] | null> {
    return completeRun(range, this.#streams.get(range.stream)?.entries.values() ?? []);
  }

  #append(entry: Entry): void {
    const remembered: RememberedStream = this.#streams.get(entry.stream) ?? {
      entries: new Map(),
      highest: 0,
      bytes: 0,
    };
    if (entry.seq <= remembered.highest - TAIL_LENGTH) return;
    remembered.highest = Math.max(remembered.highest, entry.seq);
    // What was added to last stands last.
    this.#forget(entry.stream);
    this.#remove(remembered, entry.seq);
    remembered.entries.set(entry.seq, entry);
    remembered.bytes += bytesOf(entry);
    // The first that came is one of the lowest.
    const [oldest = 0] = remembered.entries.keys();
    if (remembered.entries.size > TAIL_LENGTH) this.#remove(remembered, oldest);
    this.#streams.set(entry.stream, remembered);
    this.#bytes += remembered.bytes;
  }

  #remove(remembered: RememberedStream, seq: number): void {
    const entry = remembered.entries.get(seq);
    if (!entry) return;
    remembered.entries.delete(seq);
    remembered.bytes -= bytesOf(entry);
  }

  #forget(stream: string): void {
    this.#bytes -= this.#streams.get(stream)?.bytes ?? 0;
    this.#streams.delete(stream);
  }
}

function bytesOf({ event }: Entry): number {
  return ENTRY_BYTES + (event.type === 'message.posted' ? 2 * event.message.body.length : 0);
}
