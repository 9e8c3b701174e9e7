/**
 * Where the bytes for one connection go. Nothing in here throws, or calls back before it returns: whoever calls is in
 * the midst of writing to many.
 */
export interface Sink {
  /** Keeps a piece until the end of the turn, behind what waits already. */
  write(chunk: Buffer): void;
  /** Writes a piece at once where nothing waits before it, else keeps it as `write` does. */
  pass(chunk: Buffer): void;
  /** Writes what waits. */
  flush(): void;
}

/** Keeps what one turn brings for many connections. */
interface Gathering {
  /** Gives what was kept to every sink: at once, or into what each has waiting for the end of the turn. */
  handOver(how: 'pass' | 'write'): void;
}

/**
 * The end of a turn of the event loop, where what it brought is written: one `setImmediate` for all connections, so a
 * connection costs no timer and a quiet one nothing at all.
 */
export class Turn {
  readonly #gatherings = new Set<Gathering>();
  readonly #sinks: Sink[] = [];
  #isAwaited = false;

  addGathering(gathering: Gathering): void {
    this.#gatherings.add(gathering);
    this.#awaitEnd();
  }

  addSink(sink: Sink): void {
    this.#sinks.push(sink);
    this.#awaitEnd();
  }

  #awaitEnd(): void {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    setImmediate(() => this.#end());
  }

  #end(): void {
    // A connection may be reached by several of them: then their pieces are brought together into one write.
    const how = this.#gatherings.size > 1 ? 'write' : 'pass';
    try {
      for (const gathering of this.#gatherings) {
        this.#gatherings.delete(gathering);
        gathering.handOver(how);
      }
      for (let sink = this.#sinks.pop(); sink; sink = this.#sinks.pop()) sink.flush();
    } finally {
      // Whatever an error has kept from being written is written in the next turn.
      this.#isAwaited = false;
      if (this.#gatherings.size + this.#sinks.length > 0) this.#awaitEnd();
    }
  }
}
