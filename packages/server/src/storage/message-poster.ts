import { type Failure, fail } from '@parley/protocol';
import type { MessageToPost, PostOutcome, Store } from './store.ts';

/** Most messages in one commit. */
const MOST_IN_BATCH = 512;
/** Most messages waiting for one; beyond it the server says that it is overloaded instead of growing. */
const MOST_WAITING = 10_000;
/** One batch is being committed, the next one lies ready, and one is being told of: the database never waits for us. */
const BATCHES_AT_ONCE = 3;

interface Waiting {
  message: MessageToPost;
  /** Whether it is known what is to be done with it. */
  isDecided: boolean;
  resolve(outcome: PostOutcome): void;
  reject(error: unknown): void;
}

/** What one author has on its way to one channel. */
interface Line {
  readonly key: string;
  /** In the order received. */
  waiting: Waiting[];
  isReady: boolean;
  isUnderWay: boolean;
  /** The answer that tells of a failure has not left yet. */
  isFailing: boolean;
}

/**
 * Gathers single messages into batches (group commit): those that arrive in one turn of the event loop, and those that
 * arrive while earlier batches are being committed, share a commit.
 *
 * What an author sends to a channel is committed in the order received (rule O3), also where a batch fails and the next
 * one succeeds: a line is never in two batches at once, and when a message of it fails with its outcome unknown, what
 * has been received by the time that its answer leaves fails with it, instead of overtaking it.
 */
export class MessagePoster {
  readonly #store: Pick<Store, 'postMessages'>;
  readonly #lines = new Map<string, Line>();
  /** The lines that a batch can take from, those that have waited longest first. */
  readonly #ready: Line[] = [];
  #waitingCount = 0;
  #batchesUnderWay = 0;
  #isScheduled = false;

  constructor(store: Pick<Store, 'postMessages'>) {
    this.#store = store;
  }

  /**
   * Resolves once the message's fate is committed. Its place in the order is that of this call, also where it is known
   * only later whether it is a probe.
   * @throws unavailable when too many are waiting or one before it in its line has failed, or as the store does
   */
  post(message: MessageToPost, probe?: Promise<boolean>): Promise<PostOutcome> {
    const line = this.#lineOf(`${message.authorId} ${message.channelId}`);
    return new Promise((resolve, reject) => {
      const waiting = { message, isDecided: probe === undefined, resolve, reject };
      if (probe !== undefined) this.#decide(line, waiting, probe);
      if (line.isFailing) return reject(behindFailure());
      if (this.#waitingCount >= MOST_WAITING) {
        this.#failNext(line);
        return reject(fail('unavailable', 'Too many messages are waiting to be stored.'));
      }
      this.#waitingCount += 1;
      line.waiting.push(waiting);
      this.#offer(line);
    });
  }

  #lineOf(key: string): Line {
    let line = this.#lines.get(key);
    if (!line) {
      line = { key, waiting: [], isReady: false, isUnderWay: false, isFailing: false };
      this.#lines.set(key, line);
    }
    return line;
  }

  #decide(line: Line, waiting: Waiting, probe: Promise<boolean>): void {
    probe.then(
      (isProbe) => {
        waiting.message = { ...waiting.message, probe: isProbe };
        waiting.isDecided = true;
        this.#offer(line);
      },
      (error) => {
        waiting.reject(error);
        const place = line.waiting.indexOf(waiting);
        if (place >= 0) this.#failFrom(line, place);
      },
    );
  }

  /** Has the line taken into the next batch if there is something to take, and otherwise forgets it once it is idle. */
  #offer(line: Line): void {
    if (line.isReady || line.isUnderWay) return;
    const [next] = line.waiting;
    if (!next) {
      if (!line.isFailing && this.#lines.get(line.key) === line) this.#lines.delete(line.key);
    } else if (next.isDecided) {
      line.isReady = true;
      this.#ready.push(line);
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#ready.length === 0 || this.#batchesUnderWay >= BATCHES_AT_ONCE) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const lines: Line[] = [];
    const batch: Waiting[] = [];
    while (batch.length < MOST_IN_BATCH) {
      const line = this.#ready.shift();
      if (!line) break;
      for (const waiting of this.#take(line, MOST_IN_BATCH - batch.length)) batch.push(waiting);
      lines.push(line);
    }
    if (batch.length === 0) return;
    this.#batchesUnderWay += 1;
    this.#store.postMessages(batch.map(({ message }) => message)).then(
      (outcomes) => {
        this.#goOn(lines);
        for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] as PostOutcome);
      },
      (error) => {
        for (const { reject } of batch) reject(error);
        for (const line of lines) this.#failFrom(line, 0);
        this.#goOn(lines);
      },
    );
    this.#schedule();
  }

  /** Takes the first messages of a line that can be posted, at most so many. */
  #take(line: Line, most: number): Waiting[] {
    const undecided = line.waiting.findIndex(({ isDecided }) => !isDecided);
    const taken = line.waiting.splice(0, undecided < 0 ? most : Math.min(undecided, most));
    this.#waitingCount -= taken.length;
    line.isReady = false;
    line.isUnderWay = true;
    return taken;
  }

  #goOn(lines: readonly Line[]): void {
    this.#batchesUnderWay -= 1;
    for (const line of lines) {
      line.isUnderWay = false;
      this.#offer(line);
    }
    this.#schedule();
  }

  /** Fails what waits in a line from that place on, and whatever is received for it until the answers leave. */
  #failFrom(line: Line, place: number): void {
    const failed = line.waiting.splice(place);
    this.#waitingCount -= failed.length;
    for (const { reject } of failed) reject(behindFailure());
    this.#failNext(line);
  }

  /** Fails what is received for a line until the end of this turn of the event loop, when the answers leave. */
  #failNext(line: Line): void {
    if (line.isFailing) return;
    line.isFailing = true;
    setImmediate(() => {
      line.isFailing = false;
      this.#offer(line);
    });
  }
}

function behindFailure(): Failure {
  return fail('unavailable', 'A message that you sent to this channel before this one could not be stored.');
}
