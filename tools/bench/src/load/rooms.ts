import type { DownFrame } from '@parley/protocol';
import { type Latencies, summariseLatencies } from '../measure/latencies.ts';
import { RawSocket } from './raw-socket.ts';
import { BODY_BYTES, newMessage } from './send-frame.ts';

/** Where somebody connects to, and as whom. */
export interface Seat {
  readonly port: number;
  readonly token: string;
}

export interface RoomsTarget {
  readonly path: string;
  readonly subprotocol: string;
  readonly rooms: readonly { readonly channelId: string; readonly writer: Seat; readonly readers: readonly Seat[] }[];
}

export interface Conversation {
  readonly sent: number;
  readonly acked: number;
  readonly refused: number;
  /** To readers alone. */
  readonly deliveries: number;
  readonly seconds: number;
  /** From the moment a message was due. */
  readonly ackMillis: Latencies;
  /** From the moment a message was due until a reader had it, over all messages and readers. */
  readonly receiveMillis: Latencies;
  /** Deliveries that were parsed and compared with what was sent. */
  readonly verified: number;
}

export interface RoomsCommands {
  /** Signs everybody in. */
  furnish: { input: RoomsTarget; answer: { readers: number } };
  /** Open loop: a message is due every `1 / rate` seconds, room by room. Waits until every reader has every message. */
  converse: { input: { seconds: number; rate: number }; answer: Conversation };
}

interface Room {
  readonly channelId: string;
  readonly writer: RawSocket;
  /** Of this run, in the order in which they were sent, which is the order in which they arrive. */
  readonly dueAt: number[];
  readonly ids: string[];
}

interface Reader {
  received: number;
}

interface Run {
  readonly ackMillis: number[];
  readonly receiveMillis: number[];
  readonly firstRef: number;
  readonly dueByRef: number[];
  sent: number;
  refused: number;
  deliveries: number;
  verified: number;
  readonly lost: PromiseWithResolvers<never>;
}

const CONNECTING_AT_ONCE = 64;
const SAMPLE_EVERY = 97;
const TICK_MS = 1;
const DRAIN_WITHIN_MS = 20_000;

/** Many rooms with one writer each, whose readers may be connected elsewhere. */
export class Rooms {
  readonly #target: RoomsTarget;
  readonly #rooms: Room[] = [];
  readonly #readers: Reader[] = [];
  #ref = 1;
  #run: Run | null = null;

  private constructor(target: RoomsTarget) {
    this.#target = target;
  }

  static async furnish(target: RoomsTarget): Promise<Rooms> {
    const rooms = new Rooms(target);
    for (const { channelId, writer } of target.rooms) await rooms.#seatWriter(channelId, writer);
    const seats = target.rooms.flatMap(({ readers }, room) => readers.map((seat) => ({ seat, room })));
    for (let from = 0; from < seats.length; from += CONNECTING_AT_ONCE) {
      const group = seats.slice(from, from + CONNECTING_AT_ONCE);
      await Promise.all(group.map(({ seat, room }) => rooms.#seatReader(rooms.#rooms[room] as Room, seat)));
    }
    return rooms;
  }

  get readers(): number {
    return this.#readers.length;
  }

  async converse(seconds: number, rate: number): Promise<Conversation> {
    const run = this.#begin();
    const startedAt = performance.now();
    const total = Math.round(seconds * rate);
    for (let next = 0; next < total; ) {
      const due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1_000) * rate));
      for (; next < due; next += 1) {
        this.#send(run, this.#rooms[next % this.#rooms.length] as Room, startedAt + (next / rate) * 1_000);
      }
      await Promise.race([new Promise((resolve) => setTimeout(resolve, TICK_MS)), run.lost.promise]);
    }
    await this.#drain(run);
    this.#run = null;
    const { ackMillis, receiveMillis, sent, refused, deliveries, verified } = run;
    return {
      ...{ sent, acked: ackMillis.length, refused, deliveries, verified },
      seconds: (performance.now() - startedAt) / 1_000,
      ackMillis: summariseLatencies(ackMillis),
      receiveMillis: summariseLatencies(receiveMillis),
    };
  }

  #begin(): Run {
    for (const room of this.#rooms) {
      room.dueAt.length = 0;
      room.ids.length = 0;
    }
    for (const reader of this.#readers) reader.received = 0;
    const lost = Promise.withResolvers<never>();
    // Whoever waits for it is told; nobody may be waiting yet.
    lost.promise.catch(() => {});
    const counts = { sent: 0, refused: 0, deliveries: 0, verified: 0 };
    this.#run = { ackMillis: [], receiveMillis: [], firstRef: this.#ref, dueByRef: [], ...counts, lost };
    return this.#run;
  }

  #send(run: Run, room: Room, dueAt: number): void {
    const { id, text } = newMessage(this.#ref++, room.channelId);
    room.dueAt.push(dueAt);
    room.ids.push(id);
    run.dueByRef.push(dueAt);
    run.sent += 1;
    room.writer.sendText(text);
  }

  async #drain(run: Run): Promise<void> {
    const deadline = performance.now() + DRAIN_WITHIN_MS;
    const readersEach = this.#readers.length / this.#rooms.length;
    while (run.ackMillis.length + run.refused < run.sent || run.deliveries < run.ackMillis.length * readersEach) {
      if (performance.now() > deadline)
        throw new Error(`${run.deliveries} deliveries of ${run.sent} messages in time.`);
      await Promise.race([new Promise((resolve) => setTimeout(resolve, TICK_MS)), run.lost.promise]);
    }
  }

  async #seatWriter(channelId: string, seat: Seat): Promise<void> {
    const writer = await this.#seat(seat, Number.POSITIVE_INFINITY, (_length, payload) => {
      const run = this.#run;
      if (!payload || !run) return;
      const frame = JSON.parse(payload.toString()) as DownFrame;
      if (frame.type === 'fail') run.refused += 1;
      if (frame.type !== 'ok') return;
      run.ackMillis.push(performance.now() - (run.dueByRef[frame.ref - run.firstRef] as number));
    });
    // Acknowledgements are shorter than any body; the writer's own entries are longer and only pass by.
    writer.keepUpTo = BODY_BYTES;
    this.#rooms.push({ channelId, writer, dueAt: [], ids: [] });
  }

  async #seatReader(room: Room, seat: Seat): Promise<void> {
    const reader: Reader = { received: 0 };
    const isSample = this.#readers.push(reader) % SAMPLE_EVERY === 0;
    const socket = await this.#seat(seat, Number.POSITIVE_INFINITY, (length, payload) => {
      const run = this.#run;
      // Only deliveries carry a body, so only they are this long.
      if (!run || length < BODY_BYTES) return;
      const message = reader.received++;
      run.deliveries += 1;
      run.receiveMillis.push(performance.now() - (room.dueAt[message] as number));
      if (!payload || run.refused > 0) return;
      if (messageIn(payload) !== room.ids[message]) run.lost.reject(new Error('What arrived is not what was sent.'));
      run.verified += 1;
    });
    socket.keepUpTo = isSample ? Number.POSITIVE_INFINITY : 0;
  }

  async #seat({ port, token }: Seat, keepUpTo: number, hear: (length: number, payload: Buffer | null) => void) {
    const { path, subprotocol } = this.#target;
    const welcomed = Promise.withResolvers<void>();
    let isWelcome = false;
    const socket = await RawSocket.open({
      ...{ port, path, subprotocol },
      onText: (length, payload) => {
        if (isWelcome) return hear(length, payload);
        isWelcome = true;
        const frame = JSON.parse(payload?.toString() ?? 'null') as DownFrame;
        if (frame.type === 'welcome') welcomed.resolve();
        else welcomed.reject(new Error(`Not welcome: ${payload}`));
      },
      onClosed: (reason) => {
        const error = new Error(`Somebody lost the connection: ${reason}.`);
        welcomed.reject(error);
        this.#run?.lost.reject(error);
      },
    });
    socket.keepUpTo = keepUpTo;
    socket.sendText(JSON.stringify({ type: 'hello', ref: 0, token }));
    await welcomed.promise;
    return socket;
  }
}

function messageIn(payload: Buffer): string | null {
  const frame = JSON.parse(payload.toString()) as DownFrame;
  return frame.type === 'entry' && frame.event.type === 'message.posted' ? frame.event.message.id : null;
}
