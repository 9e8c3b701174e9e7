import { type Entry, Failure } from '@parley/protocol';
import type { Store } from '../storage/store.ts';
import { entryFrame, frameOf } from './frames.ts';
import type { Batch, Hub, Subscriber } from './hub.ts';

/** What a subscription needs of its connection. */
export interface Receiver {
  readonly userId: string;
  write(chunk: Buffer): void;
  /** Resolves when what was written has left this process; false where the connection has ended. */
  drained(): Promise<boolean>;
  /** The subscription has ended by itself: the person may no longer read the stream. */
  ended(stream: string): void;
  /** The log could not be read: the connection cannot go on. */
  failed(error: unknown): void;
  /** A gap was about to be sent: a bug of ours, healed by reading the log. */
  gapFound(stream: string): void;
}

interface Start {
  /** The seq after which the reader goes on. */
  readonly after: number;
  readonly memberSince: number;
  /** Called with what has been sent, in order. */
  readonly onSent?: (entries: readonly Entry[]) => void;
}

const PAGE = 200;
/** A page goes out in pieces of about this size, each after the reader has taken the one before. */
const PIECE_BYTES = 128 * 1024;
/** A reader further behind than this is told so instead of being sent everything. */
const MOST_BACKFILL = 2_000;

/**
 * One connection's place in one stream, in one of two states. *Catching up*, it reads the log in pages from where the
 * reader stands, at the reader's pace, and ignores what the hub delivers. *Live*, it passes on what the hub delivers.
 * It turns live in the same turn in which it finds that it has sent all that the hub has delivered, so no entry can
 * fall between, and nothing needs to be buffered meanwhile.
 */
export class Subscription implements Subscriber {
  readonly stream: string;
  readonly #receiver: Receiver;
  readonly #hub: Hub;
  readonly #store: Pick<Store, 'readLog'>;
  #sentSeq: number;
  #memberSince: number;
  readonly #onSent: Start['onSent'];
  #state: 'idle' | 'catching-up' | 'live' | 'ended' = 'idle';
  #beatSeq = 0;

  constructor(
    stream: string,
    start: Start,
    receiver: Receiver,
    hub: Hub,
    store: Pick<Store, 'readLog'>,
  ) {
    this.stream = stream;
    this.#sentSeq = start.after;
    this.#memberSince = start.memberSince;
    this.#onSent = start.onSent;
    this.#receiver = receiver;
    this.#hub = hub;
    this.#store = store;
  }

  get userId(): string {
    return this.#receiver.userId;
  }

  /** Goes on from where the reader stands: at once where nothing was missed, else by reading the log. */
  async start(): Promise<void> {
    if (this.#state !== 'idle') return;
    this.#state = 'catching-up';
    await this.#catchUp();
  }

  /** As `start`, but reads the log at least once, which checks the right to read it and tells the hub its head. */
  async startChecked(): Promise<void> {
    if (this.#state !== 'idle') return;
    this.#state = 'catching-up';
    if (await this.#sendPage()) await this.#catchUp();
  }

  /** The person was made a member (again) by entry `seq`: older removals no longer concern this subscription. */
  confirmMember(seq: number): void {
    this.#memberSince = Math.max(this.#memberSince, seq);
  }

  /** Moves the place of a subscription that has not started. */
  startFrom(after: number): void {
    if (this.#state === 'idle') this.#sentSeq = after;
  }

  deliver(batch: Batch): void {
    if (this.#state !== 'live') return;
    if (batch.first === this.#sentSeq + 1) {
      this.#sentSeq = batch.last;
      this.#receiver.write(batch.chunk);
      this.#onSent?.(batch.entries);
    } else if (batch.first > this.#sentSeq + 1) {
      this.#receiver.gapFound(this.stream);
      this.#state = 'catching-up';
      void this.#catchUp();
    } else if (batch.last > this.#sentSeq) {
      const known = this.#sentSeq + 1 - batch.first;
      this.#sentSeq = batch.last;
      for (const frame of batch.frames.slice(known)) this.#receiver.write(frame);
      this.#onSent?.(batch.entries.slice(known));
    }
  }

  revoke(seq: number): void {
    if (seq > this.#memberSince) this.end();
  }

  /** The head to tell the reader in a beat, or null where it has not moved since the last one. */
  takeMovedHead(): number | null {
    if (this.#state !== 'live' || this.#sentSeq === this.#beatSeq) return null;
    this.#beatSeq = this.#sentSeq;
    return this.#sentSeq;
  }

  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#hub.leave(this.stream, this);
    this.#receiver.ended(this.stream);
  }

  async #catchUp(): Promise<void> {
    while (this.#state === 'catching-up') {
      if (this.#sentSeq >= this.#hub.deliveredSeq(this.stream)) {
        this.#state = 'live';
        return;
      }
      if (!(await this.#sendPage())) return;
    }
  }

  /** Sends the next page of the log and waits until the reader has taken it. False where there is no reader any more. */
  async #sendPage(): Promise<boolean> {
    const after = this.#sentSeq;
    const page = await this.#readPage(after);
    if (!page || this.#state !== 'catching-up') return false;
    this.#hub.settle(this.stream, page.head);
    if (page.head - after > MOST_BACKFILL) {
      this.#sentSeq = page.head;
      this.#receiver.write(frameOf({ type: 'behind', stream: this.stream, after, head: page.head }));
      return this.#receiver.drained();
    }
    for (const piece of inPieces(page.entries)) {
      this.#sentSeq = piece.last;
      this.#receiver.write(piece.chunk);
      this.#onSent?.(piece.entries);
      if (!(await this.#receiver.drained()) || this.#state !== 'catching-up') return false;
    }
    return true;
  }

  async #readPage(after: number): Promise<{ entries: Entry[]; head: number } | null> {
    try {
      return await this.#store.readLog({ userId: this.userId, stream: this.stream, after, limit: PAGE });
    } catch (error) {
      if (error instanceof Failure && error.remedy !== 'retry') this.end();
      else this.#receiver.failed(error);
      return null;
    }
  }
}

interface Piece {
  readonly entries: readonly Entry[];
  readonly last: number;
  readonly chunk: Buffer;
}

function* inPieces(entries: readonly Entry[]): Generator<Piece> {
  let frames: Buffer[] = [];
  let bytes = 0;
  let start = 0;
  for (const [index, entry] of entries.entries()) {
    const frame = entryFrame(entry);
    frames.push(frame);
    bytes += frame.length;
    if (bytes < PIECE_BYTES && index < entries.length - 1) continue;
    yield { entries: entries.slice(start, index + 1), last: entry.seq, chunk: Buffer.concat(frames) };
    start = index + 1;
    frames = [];
    bytes = 0;
  }
}
