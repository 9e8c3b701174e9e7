import type { DownFrame, EntryFrame } from '@parley/protocol';
import { RawSocket } from './raw-socket.ts';
import { BODY_BYTES, newMessage } from './send-frame.ts';

export interface CrowdTarget {
  readonly port: number;
  readonly path: string;
  readonly channelId: string;
  /** The first so many members send in turn; all of them receive. */
  readonly senders: number;
  /** Null where the server wants no sign-in. */
  readonly subprotocol: string | null;
}

export interface FanOutResult {
  readonly deliveries: number;
  readonly seconds: number;
  /** Deliveries per read from the system: how well the server coalesces. */
  readonly deliveriesPerRead: number;
  /** How many members' deliveries were parsed and compared with what was sent. */
  readonly verifiedMembers: number;
}

export interface CrowdCommands {
  aim: { input: CrowdTarget; answer: null };
  /** Adds members, one socket per token. */
  gather: { input: { tokens: readonly (string | null)[] }; answer: { members: number } };
  /** Sends messages, at most `inFlight` of them not yet received by everybody, until everybody has all of them. */
  fanOut: { input: { messages: number; inFlight: number; verify: boolean }; answer: FanOutResult };
  /** The payload of a delivery as it arrived at a member that reads them whole. */
  sampleDelivery: { input: null; answer: string };
}

interface Member {
  readonly socket: RawSocket;
  /** Deliveries in this round. */
  received: number;
  /** Deliveries in this round as parsed; null for members that only count. */
  readonly parsed: EntryFrame[] | null;
}

interface Round {
  readonly messages: number;
  readonly sentIds: string[];
  /** By message: how many members have it. */
  readonly receivedBy: Uint32Array;
  completed: number;
  deliveries: number;
  reads: number;
  readonly done: PromiseWithResolvers<void>;
}

const CONNECTING_AT_ONCE = 64;
const SAMPLE_EVERY = 97;
const NAP_MS = 0.5;
const ROUND_DEADLINE_MS = 60_000;

/** Everybody in one room, on one socket each: some send, all count what arrives. */
export class Crowd {
  readonly #target: CrowdTarget;
  readonly #members: Member[] = [];
  #round: Round | null = null;
  #ref = 1;
  #sample = '';

  constructor(target: CrowdTarget) {
    this.#target = target;
  }

  get size(): number {
    return this.#members.length;
  }

  get sampleDelivery(): string {
    return this.#sample;
  }

  async gather(tokens: readonly (string | null)[]): Promise<void> {
    for (let from = 0; from < tokens.length; from += CONNECTING_AT_ONCE) {
      const group = tokens.slice(from, from + CONNECTING_AT_ONCE);
      const start = this.#members.length;
      await Promise.all(group.map((token, offset) => this.#join(start + offset, token)));
    }
  }

  async fanOut(messages: number, inFlight: number, verify: boolean): Promise<FanOutResult> {
    const round: Round = {
      messages,
      sentIds: [],
      receivedBy: new Uint32Array(messages),
      completed: 0,
      deliveries: 0,
      reads: 0,
      done: Promise.withResolvers(),
    };
    for (const member of this.#members) {
      member.received = 0;
      if (member.parsed) member.parsed.length = 0;
    }
    this.#round = round;
    const deadline = setTimeout(
      () => round.done.reject(new Error(`Only ${round.completed} of ${messages} messages reached everybody in time.`)),
      ROUND_DEADLINE_MS,
    );
    const startedAt = performance.now();
    for (let count = 0; count < Math.min(inFlight, messages); count += 1) this.#sendNext(round);
    const stopNapping = readBetweenNaps();
    try {
      await round.done.promise;
    } finally {
      stopNapping();
      clearTimeout(deadline);
      this.#round = null;
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    return {
      deliveries: round.deliveries,
      seconds,
      deliveriesPerRead: round.deliveries / round.reads,
      verifiedMembers: verify ? this.#verify(round) : 0,
    };
  }

  async #join(index: number, token: string | null): Promise<void> {
    const { port, path, subprotocol, senders } = this.#target;
    const sends = index < senders;
    const welcomed = Promise.withResolvers<void>();
    let isWelcome = token === null;
    if (isWelcome) welcomed.resolve();
    const socket = await RawSocket.open({
      port,
      path,
      ...(subprotocol ? { subprotocol } : {}),
      onText: (length, payload) => {
        if (isWelcome) return this.#receive(member, length, payload);
        const frame = parse(payload);
        if (frame.type !== 'welcome') return welcomed.reject(new Error(`Not welcome: ${payload}`));
        isWelcome = true;
        welcomed.resolve();
      },
      onRead: () => {
        if (this.#round) this.#round.reads += 1;
      },
      onClosed: (reason) => {
        const error = new Error(`Member ${index} lost the connection: ${reason}.`);
        welcomed.reject(error);
        this.#round?.done.reject(error);
      },
    });
    const isSample = sends || index % SAMPLE_EVERY === SAMPLE_EVERY - 1;
    const member: Member = { socket, received: 0, parsed: isSample && token !== null ? [] : null };
    if (token !== null) socket.sendText(JSON.stringify({ type: 'hello', ref: 0, token }));
    await welcomed.promise;
    socket.keepUpTo = isSample ? Number.POSITIVE_INFINITY : 0;
    this.#members[index] = member;
  }

  #receive(member: Member, length: number, payload: Buffer | null): void {
    const round = this.#round;
    if (member.parsed && payload) {
      const frame = parse(payload);
      if (frame.type === 'entry') member.parsed.push(frame);
      else if (frame.type === 'fail') round?.done.reject(new Error(`A message was refused: ${payload}`));
    }
    // Only deliveries carry a body, so only they are this long.
    if (length < BODY_BYTES || !round) return;
    if (payload && this.#sample === '') this.#sample = payload.toString();
    round.deliveries += 1;
    const message = member.received;
    member.received += 1;
    const receivedBy = (round.receivedBy[message] as number) + 1;
    round.receivedBy[message] = receivedBy;
    if (receivedBy < this.#members.length) return;
    round.completed += 1;
    if (round.completed === round.messages) round.done.resolve();
    else if (round.sentIds.length < round.messages) this.#sendNext(round);
  }

  #sendNext(round: Round): void {
    const { channelId, senders } = this.#target;
    const { id, text } = newMessage(this.#ref++, channelId);
    const sender = this.#members[round.sentIds.length % senders] as Member;
    round.sentIds.push(id);
    sender.socket.sendText(text);
  }

  /** Every member that parsed must have the same messages in the same order, without a gap, and exactly those sent. */
  #verify(round: Round): number {
    const sampled = this.#members.flatMap(({ parsed }) => (parsed ? [parsed] : []));
    const [first = []] = sampled;
    const ids = first.map(messageId);
    const sent = new Set(round.sentIds);
    if (ids.length !== round.messages || !ids.every((id) => sent.delete(id))) {
      throw new Error('What arrived is not what was sent.');
    }
    for (const entries of sampled) {
      const agrees = entries.length === ids.length && entries.every((entry, index) => messageId(entry) === ids[index]);
      const isDense = entries.every((entry, index) => index === 0 || entry.seq === (entries[index - 1]?.seq ?? 0) + 1);
      if (!agrees || !isDense) throw new Error('Two members saw different logs.');
    }
    return sampled.length;
  }
}

/**
 * Lets this process look for data every half millisecond instead of being woken by it. A sender on the same machine pays
 * for waking a sleeping receiver, which no sender does whose receivers are elsewhere; and it would pay only as long as
 * the receiver is the faster one, so a slower server would look slower still.
 */
function readBetweenNaps(): () => void {
  const neverNotified = new Int32Array(new SharedArrayBuffer(4));
  let stopped = false;
  const nap = () => {
    if (stopped) return;
    Atomics.wait(neverNotified, 0, 0, NAP_MS);
    setImmediate(nap);
  };
  setImmediate(nap);
  return () => {
    stopped = true;
  };
}

function parse(payload: Buffer | null): DownFrame {
  return JSON.parse(payload?.toString() ?? 'null');
}

function messageId({ event }: EntryFrame): string {
  return event.type === 'message.posted' ? event.message.id : event.type;
}
