import type { DownFrame, EntryFrame } from '@parley/protocol';
import { afterClose } from '../../../../packages/client/src/after-close.ts';
import { backoffDelay, DEFAULT_BACKOFF } from '../../../../packages/client/src/backoff.ts';
import type { AckedMessage } from './ingest.ts';
import { RawSocket } from './raw-socket.ts';
import { newMessage } from './send-frame.ts';

export interface ReturningTarget {
  readonly port: number;
  readonly path: string;
  readonly subprotocol: string;
}

// As the SDK has it.
const STABLE_AFTER_MS = 5_000;
const WELCOME_WITHIN_MS = 10_000;

interface Unacknowledged {
  readonly ref: number;
  readonly id: string;
  readonly text: string;
}

/**
 * One client that resumes by its cursors and sends what was not acknowledged again: what the SDK does, with its own
 * rules for when to come back, and without the cost of a whole SDK for each of thousands.
 */
export class ReturningMember {
  readonly acked: AckedMessage[] = [];
  readonly cursors = new Map<string, number>();
  /** Unix times in milliseconds. */
  lostAt = Number.NEGATIVE_INFINITY;
  caughtUpAt = Number.NEGATIVE_INFINITY;
  isCaughtUp = false;
  outOfOrder = 0;
  /** Connections that said hello and ended without a welcome. */
  turnedAway = 0;

  readonly #target: ReturningTarget;
  readonly #token: string;
  readonly #writesTo: string | null;
  readonly #outbox: Unacknowledged[] = [];
  /** Heads that the welcome named and that have not been reached yet. */
  readonly #behind = new Map<string, number>();
  #socket: RawSocket | null = null;
  #epoch: string | undefined;
  #welcomedAt: number | null = null;
  #tries = 0;
  #failingSince = 0;
  #ref = 0;

  constructor(target: ReturningTarget, token: string, writesTo: string | null) {
    this.#target = target;
    this.#token = token;
    this.#writesTo = writesTo;
    this.#connect();
  }

  get writes(): boolean {
    return this.#writesTo !== null;
  }

  get unacknowledged(): number {
    return this.#outbox.length;
  }

  /** Writes a message, now or as soon as there is a connection: one is under way at a time. */
  say(): void {
    if (this.#writesTo === null) return;
    this.#ref += 1;
    this.#outbox.push({ ref: this.#ref, ...newMessage(this.#ref, this.#writesTo) });
    if (this.#outbox.length === 1) this.#sendFirst();
  }

  #connect(): void {
    const giveUp = setTimeout(() => this.#socket?.destroy(), WELCOME_WITHIN_MS);
    RawSocket.open({
      ...this.#target,
      onText: (_length, payload) => {
        const frame = JSON.parse((payload as Buffer).toString()) as DownFrame;
        if (frame.type === 'welcome') clearTimeout(giveUp);
        this.#hear(frame);
      },
      onClosed: (reason, code) => {
        clearTimeout(giveUp);
        this.#lost(code, reason);
      },
    }).then(
      (socket) => {
        this.#socket = socket;
        const cursors = this.#epoch === undefined ? undefined : Object.fromEntries(this.cursors);
        socket.sendText(JSON.stringify({ type: 'hello', ref: 0, token: this.#token, epoch: this.#epoch, cursors }));
      },
      // It is told of as closed, too.
      () => {},
    );
  }

  #hear(frame: DownFrame): void {
    if (frame.type === 'entry') this.#fold(frame);
    else if (frame.type === 'ok') this.#acknowledged(frame.ref, frame.seq ?? 0);
    else if (frame.type === 'welcome') this.#welcomed(frame.epoch, frame.heads);
    else if (frame.type === 'reset' || frame.type === 'behind') this.outOfOrder += 1;
    // Whatever is refused is lost to this connection, and comes back with the next.
    else if (frame.type === 'fail') this.#socket?.destroy();
  }

  #welcomed(epoch: string, heads: Readonly<Record<string, number>>): void {
    this.#welcomedAt = performance.now();
    this.#epoch = epoch;
    for (const [stream, head] of Object.entries(heads)) {
      const cursor = this.cursors.get(stream);
      if (cursor === undefined) this.cursors.set(stream, head);
      else if (cursor < head) this.#behind.set(stream, head);
    }
    if (this.#behind.size === 0) this.#caughtUp();
    this.#sendFirst();
  }

  #fold({ stream, seq }: EntryFrame): void {
    if (seq !== (this.cursors.get(stream) ?? 0) + 1) this.outOfOrder += 1;
    this.cursors.set(stream, seq);
    if (this.#behind.get(stream) !== seq) return;
    this.#behind.delete(stream);
    if (this.#behind.size === 0) this.#caughtUp();
  }

  #caughtUp(): void {
    this.isCaughtUp = true;
    this.caughtUpAt = Date.now();
  }

  #acknowledged(ref: number, seq: number): void {
    const [first] = this.#outbox;
    if (first?.ref !== ref) return;
    this.#outbox.shift();
    this.acked.push({ id: first.id, channelId: this.#writesTo as string, seq });
    this.#sendFirst();
  }

  #sendFirst(): void {
    const [first] = this.#outbox;
    if (first && this.#welcomedAt !== null) this.#socket?.sendText(first.text);
  }

  #lost(code: number, reason: string): void {
    if (this.#welcomedAt !== null) {
      if (performance.now() - this.#welcomedAt >= STABLE_AFTER_MS) this.#tries = 0;
      this.lostAt = Date.now();
    } else if (this.#socket) {
      this.turnedAway += 1;
    }
    this.#socket = null;
    this.#welcomedAt = null;
    this.isCaughtUp = false;
    this.#behind.clear();
    const next = afterClose(code, reason);
    if (next.kind === 'sign-out' || next.kind === 'stop') return;
    const hinted = next.kind === 'wait' ? next.ms + Math.random() * next.spreadMs : null;
    setTimeout(() => this.#connect(), hinted ?? this.#nextDelay());
  }

  #nextDelay(): number {
    const now = performance.now();
    if (this.#tries === 0) this.#failingSince = now;
    const delay = backoffDelay(this.#tries, DEFAULT_BACKOFF, Math, now - this.#failingSince);
    this.#tries += 1;
    return delay;
  }
}
