const SLOTS = 15;

/**
 * One timer for every connection: each lies in one of fifteen slots, and a slot comes up once a period. So the work is
 * spread evenly and a connection costs no timer.
 */
export class HeartbeatWheel<Item> {
  readonly #slots: Set<Item>[] = Array.from({ length: SLOTS }, () => new Set<Item>());
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #at = 0;

  /** Calls `visit` with the items of each slot once in `periodMs`. */
  constructor(periodMs: number, visit: (items: ReadonlySet<Item>) => void) {
    this.#timer = setInterval(() => {
      this.#at = (this.#at + 1) % SLOTS;
      visit(this.#slots[this.#at] as Set<Item>);
    }, periodMs / SLOTS);
    this.#timer.unref();
  }

  /** Adds an item; the function that comes back takes it out. */
  add(item: Item): () => void {
    const slot = this.#slots[this.#next] as Set<Item>;
    this.#next = (this.#next + 1) % SLOTS;
    slot.add(item);
    return () => slot.delete(item);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
