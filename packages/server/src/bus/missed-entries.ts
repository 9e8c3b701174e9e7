import type { Entry } from '@parley/protocol';

/** Of so many streams it is remembered that a hint could not be published. */
const MOST_STREAMS = 10_000;

/** The last entry of each stream that could not be published: told later, it shows the others that there is a gap. */
export class MissedEntries {
  readonly #byStream = new Map<string, Entry>();

  /** `run` holds entries of one stream, in order, at least one. */
  add(run: readonly Entry[]): void {
    const last = run.at(-1) as Entry;
    this.#byStream.delete(last.stream);
    this.#byStream.set(last.stream, last);
    for (const stream of this.#byStream.keys()) {
      if (this.#byStream.size <= MOST_STREAMS) break;
      this.#byStream.delete(stream);
    }
  }

  take(): Entry[] {
    const entries = [...this.#byStream.values()];
    this.#byStream.clear();
    return entries;
  }
}
