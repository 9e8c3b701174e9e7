import { type Batch, PIECE_BYTES } from './batch.ts';
import type { Sink, Turn } from './turn.ts';

/** Somebody who stands where all of an audience stands. */
export interface Listening {
  readonly sink: Sink;
  /** Where it sits in its audience, which alone writes this; -1 in none. */
  seat: number;
  /** It no longer listens with the others: it has been given everything up to `seq`. */
  stepOut(seq: number): void;
}

/** More than this is not kept for the end of a turn. */
export const MOST_GATHERED_BYTES = PIECE_BYTES;

/**
 * Those subscribers of one stream that have everything up to the same entry. What comes next is the same bytes for all
 * of them: it is kept once for the turn and then written in one bare loop, because with thousands of receivers the
 * memory touched for each is what a delivery costs beyond its write.
 */
export class Audience<Member extends Listening> {
  readonly #turn: Turn;
  readonly #members: Member[] = [];
  /** The members' sinks, in the order of the seats. */
  readonly #sinks: Sink[] = [];
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #gatheredSeq: number;
  #sentSeq: number;

  /** @param seq where its members will stand */
  constructor(turn: Turn, seq: number) {
    this.#turn = turn;
    this.#gatheredSeq = seq;
    this.#sentSeq = seq;
  }

  get size(): number {
    return this.#members.length;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** Up to where the sinks have been given the stream. */
  get sentSeq(): number {
    return this.#sentSeq;
  }

  /** Whether the batch is what comes next, and can be kept for a turn. */
  canTake({ first, chunk }: Batch): boolean {
    return this.#members.length > 0 && first === this.#gatheredSeq + 1 && chunk.length <= MOST_GATHERED_BYTES;
  }

  take({ chunk, last }: Batch): void {
    this.#gatheredSeq = last;
    this.#gatheredBytes += chunk.length;
    if (this.#gathered.push(chunk) === 1) this.#turn.addGathering(this);
    if (this.#gatheredBytes > MOST_GATHERED_BYTES) this.handOver('pass');
  }

  /** Takes in somebody who stands where the others will stand at the end of the turn. */
  add(member: Member): void {
    this.handOver('pass');
    member.seat = this.#members.length;
    this.#members.push(member);
    this.#sinks.push(member.sink);
  }

  /** Sends somebody out, with what was kept for them; the others need not be touched. */
  remove(member: Member): void {
    const { seat } = member;
    if (seat < 0) return;
    if (this.#gathered.length > 0) member.sink.write(this.#joined());
    const last = this.#members.pop() as Member;
    const sink = this.#sinks.pop() as Sink;
    if (last !== member) {
      last.seat = seat;
      this.#members[seat] = last;
      this.#sinks[seat] = sink;
    }
    member.seat = -1;
  }

  /** Sends everybody out, with all that was kept for them. */
  dismiss(): readonly Member[] {
    this.handOver('pass');
    const members = this.#members.splice(0);
    this.#sinks.length = 0;
    for (const member of members) {
      member.seat = -1;
      member.stepOut(this.#sentSeq);
    }
    return members;
  }

  handOver(how: 'pass' | 'write'): void {
    if (this.#gathered.length === 0) return;
    const chunk = this.#joined();
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#sentSeq = this.#gatheredSeq;
    if (how === 'pass') for (const sink of this.#sinks) sink.pass(chunk);
    else for (const sink of this.#sinks) sink.write(chunk);
  }

  /** What is kept, as one piece, which is made once however often it is asked for. */
  #joined(): Buffer {
    if (this.#gathered.length > 1) this.#gathered = [Buffer.concat(this.#gathered)];
    return this.#gathered[0] as Buffer;
  }
}
