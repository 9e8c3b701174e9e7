/** Where the bytes for one connection go. */
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
  #gatherings: Gathering[] = [];
  #sinks: Sink[] = [];
  #isAwaited = false;

  addGathering(gathering: Gathering): void {
    this.#gatherings.push(gathering);
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
    const gatherings = this.#gatherings;
    this.#gatherings = [];
    // A connection may be reached by several of them: then their pieces are brought together into one write.
    const how = gatherings.length === 1 ? 'pass' : 'write';
    for (const gathering of gatherings) gathering.handOver(how);
    const sinks = this.#sinks;
    this.#sinks = [];
    this.#isAwaited = false;
    for (const sink of sinks) sink.flush();
  }
}
