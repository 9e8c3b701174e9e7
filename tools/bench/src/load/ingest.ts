import type { DownFrame } from '@parley/protocol';
import { type Latencies, summariseLatencies } from '../measure/latencies.ts';
import { clientTextFrame } from './frames.ts';
import { RawSocket } from './raw-socket.ts';
import { BODY_BYTES, newMessage } from './send-frame.ts';

export interface IngestTarget {
  readonly port: number;
  readonly path: string;
  readonly subprotocol: string;
  /** One socket each. */
  readonly senders: readonly { readonly token: string; readonly channelId: string }[];
}

export interface IngestResult {
  /** Acknowledged within the time asked for. */
  readonly acked: number;
  /** Refused, as a server does that has more to do than it can: each counts as an ack after a minute. */
  readonly refused: number;
  readonly seconds: number;
  /** Milliseconds from sending, or where paced from the moment it was due, to the ack. */
  readonly ackMillis: Latencies;
}

export interface AckedMessage {
  readonly id: string;
  readonly channelId: string;
  readonly seq: number;
}

export interface IngestCommands {
  signIn: { input: IngestTarget; answer: null };
  /** Closed loop: every sender keeps `inFlight` messages unacknowledged. */
  saturate: { input: { seconds: number; inFlight: number }; answer: IngestResult };
  /** Open loop: a message is due every `1 / rate` seconds whether or not the server keeps up. */
  pace: { input: { seconds: number; rate: number }; answer: IngestResult };
  /** Like `saturate`, until the server is gone. Answers with what it acknowledged. */
  saturateUntilClosed: { input: { inFlight: number }; answer: readonly AckedMessage[] };
}

interface Sender {
  readonly socket: RawSocket;
  readonly channelId: string;
  outgoing: Buffer[];
}

interface Run {
  /** By number of message: when it was sent or due. */
  readonly dueAt: number[];
  readonly ackMillis: number[];
  readonly ackedInTime: { count: number; readonly until: number };
  refused: number;
  readonly remembered: AckedMessage[] | null;
  /** Whether an ack makes its sender send the next message. */
  keepsSending: boolean;
  pending: number;
  readonly firstRef: number;
  readonly drained: PromiseWithResolvers<void>;
}

const REFUSED_MILLIS = 60_000;
const DRAIN_DEADLINE_MS = 15_000;
const TICK_MS = 1;

/** People who write, each in a channel of their own, as fast as told. */
export class Ingest {
  readonly #senders: Sender[];
  readonly #idsByRef = new Map<number, string>();
  #ref = 1;
  #run: Run | null = null;

  private constructor(senders: Sender[]) {
    this.#senders = senders;
  }

  static async signIn(target: IngestTarget): Promise<Ingest> {
    const ingest = new Ingest([]);
    for (const { token, channelId } of target.senders) await ingest.#add(target, token, channelId);
    return ingest;
  }

  async saturate(seconds: number, inFlight: number): Promise<IngestResult> {
    const run = this.#begin(seconds);
    this.#fill(run, inFlight);
    const stop = setTimeout(() => {
      run.keepsSending = false;
    }, seconds * 1_000);
    await this.#drain(run, seconds).finally(() => clearTimeout(stop));
    return summarise(run, seconds);
  }

  async saturateUntilClosed(inFlight: number): Promise<readonly AckedMessage[]> {
    const remembered: AckedMessage[] = [];
    const run = this.#begin(Number.POSITIVE_INFINITY, remembered);
    this.#fill(run, inFlight);
    await run.drained.promise.catch(() => {});
    this.#run = null;
    return remembered;
  }

  async pace(seconds: number, rate: number): Promise<IngestResult> {
    const run = this.#begin(seconds);
    run.keepsSending = false;
    const startedAt = performance.now();
    const total = Math.round(seconds * rate);
    // Held until the last message has gone out, so that a moment without pending ones does not end the run.
    run.pending += 1;
    for (let next = 0; next < total; ) {
      const due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1_000) * rate));
      for (; next < due; next += 1) {
        this.#enqueue(run, this.#senders[next % this.#senders.length] as Sender, startedAt + (next / rate) * 1_000);
      }
      for (const sender of this.#senders) flush(sender);
      if (next < total) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    this.#settle(run);
    await this.#drain(run, seconds);
    return summarise(run, seconds);
  }

  async #add({ port, path, subprotocol }: IngestTarget, token: string, channelId: string): Promise<void> {
    const welcomed = Promise.withResolvers<void>();
    let sender: Sender | null = null;
    const socket = await RawSocket.open({
      port,
      path,
      subprotocol,
      onText: (_length, payload) => {
        if (!payload) return;
        const frame = JSON.parse(payload.toString()) as DownFrame;
        if (frame.type === 'welcome') welcomed.resolve();
        else if (frame.type === 'ok' && sender) this.#acknowledge(sender, frame.ref, frame.seq ?? 0);
        else if (frame.type === 'fail') this.#refuse();
      },
      onRead: () => {
        if (sender) flush(sender);
      },
      onClosed: (reason) => {
        welcomed.reject(new Error(`A sender was not welcome: ${reason}.`));
        this.#run?.drained.reject(new Error(`A sender lost the connection: ${reason}.`));
      },
    });
    sender = { socket, channelId, outgoing: [] };
    socket.sendText(JSON.stringify({ type: 'hello', ref: 0, token }));
    await welcomed.promise;
    // Acknowledgements are shorter than any body; the sender's own entries are longer and only pass by.
    socket.keepUpTo = BODY_BYTES;
    this.#senders.push(sender);
  }

  #begin(seconds: number, remembered: AckedMessage[] | null = null): Run {
    const drained = Promise.withResolvers<void>();
    // A loss of the connection while messages are still being sent is reported when the run is awaited.
    drained.promise.catch(() => {});
    this.#run = {
      dueAt: [],
      ackMillis: [],
      ackedInTime: { count: 0, until: performance.now() + seconds * 1_000 },
      refused: 0,
      remembered,
      keepsSending: true,
      pending: 0,
      firstRef: this.#ref,
      drained,
    };
    return this.#run;
  }

  #fill(run: Run, inFlight: number): void {
    for (const sender of this.#senders) {
      for (let count = 0; count < inFlight; count += 1) this.#enqueue(run, sender, performance.now());
      flush(sender);
    }
  }

  #enqueue(run: Run, sender: Sender, dueAt: number): void {
    const { id, text } = newMessage(this.#ref++, sender.channelId);
    run.dueAt.push(dueAt);
    run.pending += 1;
    if (run.remembered) this.#idsByRef.set(this.#ref - 1, id);
    sender.outgoing.push(clientTextFrame(text));
  }

  #acknowledge(sender: Sender, ref: number, seq: number): void {
    const run = this.#run;
    if (!run) return;
    const now = performance.now();
    run.ackMillis.push(now - (run.dueAt[ref - run.firstRef] as number));
    if (now <= run.ackedInTime.until) run.ackedInTime.count += 1;
    const id = this.#idsByRef.get(ref);
    if (id) run.remembered?.push({ id, channelId: sender.channelId, seq });
    if (run.keepsSending) this.#enqueue(run, sender, now);
    this.#settle(run);
  }

  #refuse(): void {
    const run = this.#run;
    if (!run) return;
    run.refused += 1;
    run.ackMillis.push(REFUSED_MILLIS);
    this.#settle(run);
  }

  #settle(run: Run): void {
    run.pending -= 1;
    if (run.pending === 0) run.drained.resolve();
  }

  async #drain(run: Run, seconds: number): Promise<void> {
    const deadline = setTimeout(
      () => run.drained.reject(new Error(`${run.pending} messages were never acknowledged.`)),
      seconds * 1_000 + DRAIN_DEADLINE_MS,
    );
    await run.drained.promise.finally(() => clearTimeout(deadline));
    this.#run = null;
  }
}

function flush(sender: Sender): void {
  if (sender.outgoing.length === 0) return;
  sender.socket.sendFrames(sender.outgoing);
  sender.outgoing = [];
}

function summarise({ ackedInTime, refused, ackMillis }: Run, seconds: number): IngestResult {
  return {
    acked: ackedInTime.count,
    refused,
    seconds,
    ackMillis: summariseLatencies(ackMillis),
  };
}
