import type { Duplex } from 'node:stream';

/** Bytes that may wait for a reader before it counts as too slow. */
export const MOST_WAITING_BYTES = 1024 * 1024;

/**
 * Gathers the frames of one turn of the event loop for each socket and hands them over in one write. All writers share
 * one schedule, so a socket costs no timer and a quiet one nothing at all.
 */
export class WriteSchedule {
  #dirty: SocketWriter[] = [];

  add(writer: SocketWriter): void {
    if (this.#dirty.push(writer) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const writers = this.#dirty;
    this.#dirty = [];
    for (const writer of writers) writer.flush();
  }
}

/** Writes ready-made frames to one socket, never letting more than 1 MiB wait for a slow reader. */
export class SocketWriter {
  readonly #socket: Duplex;
  readonly #schedule: WriteSchedule;
  readonly #onTooSlow: () => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #closed = false;

  constructor(socket: Duplex, schedule: WriteSchedule, onTooSlow: () => void) {
    this.#socket = socket;
    this.#schedule = schedule;
    this.#onTooSlow = onTooSlow;
  }

  write(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#pending.push(chunk) === 1) this.#schedule.add(this);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes + this.#socket.writableLength > MOST_WAITING_BYTES) {
      this.close();
      this.#onTooSlow();
    }
  }

  /** Hands over what waits, now. */
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

  /** Drops what waits and writes nothing more. */
  close(): void {
    this.#closed = true;
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}
