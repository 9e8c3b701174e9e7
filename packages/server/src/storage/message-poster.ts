import { fail } from '@parley/protocol';
import type { MessageToPost, PostOutcome, Store } from './store.ts';

/** Most messages in one commit. */
const MOST_IN_BATCH = 256;
/** Most messages waiting for one; beyond it the server says that it is overloaded instead of growing. */
const MOST_WAITING = 10_000;
/** One batch is being committed and the next one lies ready, so that the database never waits for us. */
const BATCHES_AT_ONCE = 2;

interface Waiting {
  readonly message: MessageToPost;
  resolve(outcome: PostOutcome): void;
  reject(error: unknown): void;
}

/**
 * Gathers single messages into batches (group commit): those that arrive in one turn of the event loop, and those that
 * arrive while earlier batches are being committed, share a commit. Messages are committed in the order given.
 */
export class MessagePoster {
  readonly #store: Pick<Store, 'postMessages'>;
  #waiting: Waiting[] = [];
  #batchesUnderWay = 0;
  #scheduled = false;

  constructor(store: Pick<Store, 'postMessages'>) {
    this.#store = store;
  }

  /**
   * Resolves once the message's fate is committed.
   * @throws unavailable when too many are waiting, or as the store does
   */
  post(message: MessageToPost): Promise<PostOutcome> {
    if (this.#waiting.length >= MOST_WAITING) throw fail('unavailable', 'Too many messages are waiting to be stored.');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#batchesUnderWay >= BATCHES_AT_ONCE) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const batch = this.#waiting.splice(0, MOST_IN_BATCH);
    if (batch.length === 0) return;
    this.#batchesUnderWay += 1;
    this.#store
      .postMessages(batch.map((waiting) => waiting.message))
      .then(
        (outcomes) => batch.forEach((waiting, index) => waiting.resolve(outcomes[index] as PostOutcome)),
        (error) => batch.forEach((waiting) => waiting.reject(error)),
      )
      .finally(() => {
        this.#batchesUnderWay -= 1;
        if (this.#waiting.length > 0) this.#schedule();
      });
    if (this.#waiting.length > 0) this.#schedule();
  }
}
