import { type Entry, Failure } from '@parley/protocol';
import type { Store } from '../storage/store.ts';
import { type Batch, inPieces, PIECE_BYTES, type Piece } from './batch.ts';
import { entryFrame, frameOf } from './frames.ts';
import type { Hub, LiveSubscriber } from './hub.ts';
import type { Sink } from './turn.ts';

/** What a subscription needs of its connection. */
export interface Receiver {
  readonly userId: string;
  readonly sink: Sink;
  /** Resolves when what was written has left this process; false where the connection has ended. */
  drained(): Promise<boolean>;
  /** The subscription has ended by itself: the person may no longer read the stream. */
  ended(stream: string): void;
  /** The reader takes nothing while much arrives for it. */
  tooSlow(): void;
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
  /** Called with what the hub delivers while the reader is not there yet: it will be sent later. */
  readonly onAhead?: (entries: readonly Entry[]) => void;
}

const PAGE = 200;
/** A reader that takes nothing while this much arrives for it is too slow: it comes back when it can. */
const MOST_OWED_BYTES = 1024 * 1024;
/** A reader further behind than this is told so instead of being sent everything. */
const MOST_BACKFILL = 2_000;

/**
 * One connection's place in one stream, in one of two states. *Catching up*, it reads the log in pages from where the
 * reader stands, at the reader's pace, and ignores what the hub delivers. *Live*, it passes on what the hub delivers,
 * or is one of the hub's audience, where nobody needs to see what is sent. It turns live in the same turn in which it
 * finds that it has sent all that the hub has delivered, so no entry can fall between, and nothing needs to be buffered
 * meanwhile.
 */
export class Subscription implements LiveSubscriber {
  readonly stream: string;
  /** Of the audience, which keeps it. */
  seat = -1;
  readonly #receiver: Receiver;
  readonly #hub: Hub;
  readonly #store: Pick<Store, 'readLog'>;
  #sentSeq: number;
  #memberSince: number;
  readonly #onSent: Start['onSent'];
  readonly #onAhead: Start['onAhead'];
  #state: 'idle' | 'catching-up' | 'live' | 'ended' = 'idle';
  #checkedTo = 0;
  #skippableTo = Number.POSITIVE_INFINITY;
  #beatSeq = 0;
  /** What has arrived since the reader was handed a piece that it has not taken yet; null while it has none. */
  #owedBytes: number | null = null;

  constructor(stream: string, start: Start, receiver: Receiver, hub: Hub, store: Pick<Store, 'readLog'>) {
    this.stream = stream;
    this.#sentSeq = start.after;
    this.#memberSince = start.memberSince;
    this.#onSent = start.onSent;
    this.#onAhead = start.onAhead;
    this.#receiver = receiver;
    this.#hub = hub;
    this.#store = store;
  }

  get userId(): string {
    return this.#receiver.userId;
  }

  get sink(): Sink {
    return this.#receiver.sink;
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

  /**
   * Moves the place of a subscription that has not started. The right to read was checked up to `checkedTo`, after the
   * hub was joined. Where entries are heeded here, those above `skippableTo` are sent however far behind the reader is.
   */
  startFrom(after: number, checkedTo: number, skippableTo = Number.POSITIVE_INFINITY): void {
    if (this.#state !== 'idle') return;
    this.#sentSeq = after;
    this.#checkedTo = checkedTo;
    this.#skippableTo = skippableTo;
  }

  deliver(batch: Batch): void {
    if (this.#state !== 'live') return this.#keepOwing(batch);
    if (batch.first > this.#sentSeq + 1) {
      this.#receiver.gapFound(this.stream);
      this.#state = 'catching-up';
      void this.#catchUp();
    } else if (batch.last > this.#sentSeq) {
      const known = this.#sentSeq + 1 - batch.first;
      if (batch.chunk.length > PIECE_BYTES) return void this.#deliverLarge(batch, known);
      this.#sentSeq = batch.last;
      if (known === 0) this.sink.write(batch.chunk);
      else for (const frame of batch.frames.slice(known)) this.sink.write(frame);
      this.#onSent?.(known === 0 ? batch.entries : batch.entries.slice(known));
      this.#listenWithOthers();
    }
  }

  stepOut(seq: number): void {
    this.#sentSeq = seq;
  }

  #listenWithOthers(): void {
    const isLevel = this.#state === 'live' && this.#sentSeq === this.#hub.deliveredSeq(this.stream);
    if (isLevel && !this.#onSent) this.#hub.joinAudience(this.stream, this);
  }

  #keepOwing(batch: Batch): void {
    this.#onAhead?.(batch.entries);
    if (this.#owedBytes === null) return;
    this.#owedBytes += batch.chunk.length;
    if (this.#owedBytes > MOST_OWED_BYTES) this.#receiver.tooSlow();
  }

  revoke(seq: number): void {
    if (seq > this.#memberSince) this.end();
  }

  /** The head to tell the reader in a beat, or null where it has not moved since the last one. */
  takeMovedHead(): number | null {
    if (this.#state !== 'live') return null;
    const sentSeq = this.seat < 0 ? this.#sentSeq : this.#hub.audienceSeq(this.stream);
    if (sentSeq === this.#beatSeq) return null;
    this.#beatSeq = sentSeq;
    return sentSeq;
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
        return this.#listenWithOthers();
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
    const head = Math.min(page.head, this.#skippableTo);
    if (head - after > MOST_BACKFILL) {
      this.#sentSeq = head;
      this.sink.write(frameOf({ type: 'behind', stream: this.stream, after, head }));
      return this.#taken();
    }
    return this.#sendPieces(inPieces(page.entries, page.entries.map(entryFrame)));
  }

  /** What is too much for one write goes out at the reader's pace: a reader with its hands full is not a slow one. */
  async #deliverLarge(batch: Batch, known: number): Promise<void> {
    this.#state = 'catching-up';
    this.#onAhead?.(batch.entries);
    const { entries, frames } = batch;
    const pieces = known === 0 ? batch.pieces() : inPieces(entries.slice(known), frames.slice(known));
    if (await this.#sendPieces(pieces)) await this.#catchUp();
  }

  /** Sends each piece after the reader has taken the one before. False where there is no reader any more. */
  async #sendPieces(pieces: Iterable<Piece>): Promise<boolean> {
    for (const piece of pieces) {
      this.#sentSeq = piece.last;
      this.sink.write(piece.chunk);
      this.#onSent?.(piece.entries);
      if (!(await this.#taken())) return false;
    }
    return true;
  }

  /** Waits until the reader has taken what was written. False where there is no reader any more. */
  async #taken(): Promise<boolean> {
    this.#owedBytes = 0;
    const isThere = await this.#receiver.drained();
    this.#owedBytes = null;
    return isThere && this.#state === 'catching-up';
  }

  async #readPage(after: number): Promise<{ entries: readonly Entry[]; head: number } | null> {
    try {
      const recent = await this.#hub.recent(this.stream, after, this.#checkedTo);
      if (recent) return { entries: recent, head: this.#checkedTo };
      return await this.#store.readLog({ userId: this.userId, stream: this.stream, after, limit: PAGE });
    } catch (error) {
      if (error instanceof Failure && error.remedy !== 'retry') this.end();
      else this.#receiver.failed(error);
      return null;
    }
  }
}
