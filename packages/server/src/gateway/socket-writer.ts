import type { Duplex } from 'node:stream';
import type { Sink, Turn } from '../delivery/turn.ts';

/** Bytes that may wait for a reader before it counts as too slow. */
export const MOST_WAITING_BYTES = 1024 * 1024;

/**
 * Writes ready-made frames to one socket, those of one turn of the event loop together, never letting more than 1 MiB
 * wait for a slow reader.
 */
export class SocketWriter implements Sink {
  readonly #socket: Duplex;
  readonly #turn: Turn;
  readonly #onTooSlow: () => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #closed = false;

  constructor(socket: Duplex, turn: Turn, onTooSlow: () => void) {
    this.#socket = socket;
    this.#turn = turn;
    this.#onTooSlow = onTooSlow;
  }

  /** The socket has not taken all that was handed over to it. */
  get hasBacklog(): boolean {
    return this.#socket.writableLength > 0;
  }

  write(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#pending.push(chunk) === 1) this.#turn.addSink(this);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes + this.#socket.writableLength > MOST_WAITING_BYTES) this.#overflow();
  }

  pass(chunk: Buffer): void {
    if (this.#pending.length > 0) return this.write(chunk);
    const socket = this.#socket;
    if (this.#closed || !socket.writable) return;
    if (socket.writableLength + chunk.length > MOST_WAITING_BYTES) this.#overflow();
    else socket.write(chunk);
  }

  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (!this.#socket.writable) return;
    this.#socket.write(pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending));
  }

  /** Resolves when little enough waits to send more; false when the socket ends first. */
  drained(): Promise<boolean> {
    this.flush();
    const socket = this.#socket;
    if (!socket.writable || this.#closed) return Promise.resolve(false);
    if (!socket.writableNeedDrain) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = () => {
        socket.off('drain', settle);
        socket.off('close', settle);
        resolve(socket.writable && !this.#closed);
      };
      socket.on('drain', settle);
      socket.on('close', settle);
    });
  }

  #overflow(): void {
    this.close();
    // The session will leave all its streams, and the caller may be in the midst of a loop over the readers of one.
    queueMicrotask(this.#onTooSlow);
  }

  /** Drops what waits and writes nothing more. */
  close(): void {
    this.#closed = true;
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}
