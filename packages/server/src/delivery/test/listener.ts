import type { Cursors, DownFrame, EntryFrame } from '@parley/protocol';
import type { Transport } from '../session.ts';
import type { Sink } from '../turn.ts';

/** The far end of a connection: keeps what is written to it, and takes it as fast as a test lets it. */
export class Listener implements Transport, Sink {
  readonly frames: DownFrame[] = [];
  readonly failures: unknown[] = [];
  /** Streams in which a gap was about to be sent. */
  readonly gaps: string[] = [];
  hasSessionEnded = false;
  isTooSlow = false;
  /** The largest piece that was written at once, in bytes. */
  largestWrite = 0;
  #blocked: PromiseWithResolvers<boolean> | null = null;
  #isClosed = false;

  write(chunk: Buffer): void {
    this.largestWrite = Math.max(this.largestWrite, chunk.length);
    for (const text of framesIn(chunk)) this.frames.push(JSON.parse(text));
  }

  get sink(): Sink {
    return this;
  }

  pass(chunk: Buffer): void {
    this.write(chunk);
  }

  flush(): void {}

  drained(): Promise<boolean> {
    return this.#blocked?.promise ?? Promise.resolve(!this.#isClosed);
  }

  sessionEnded(): void {
    this.hasSessionEnded = true;
  }

  tooSlow(): void {
    this.isTooSlow = true;
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }

  gapFound(stream: string): void {
    this.gaps.push(stream);
  }

  /** From now on what is written stays unread. */
  block(): void {
    this.#blocked ??= Promise.withResolvers();
  }

  unblock(): void {
    this.#blocked?.resolve(!this.#isClosed);
    this.#blocked = null;
  }

  /** The connection is lost. */
  close(): void {
    this.#isClosed = true;
    this.unblock();
  }

  entries(stream: string): EntryFrame[] {
    return this.frames.filter((frame) => frame.type === 'entry').filter((entry) => entry.stream === stream);
  }

  seqs(stream: string): number[] {
    return this.entries(stream).map(({ seq }) => seq);
  }

  /** Waits until the last entry received of each stream is the one named. */
  async reach(heads: Cursors): Promise<void> {
    await until(
      () => Object.entries(heads).every(([stream, head]) => this.seqs(stream).at(-1) === head),
      () => `${JSON.stringify(heads)}, having ${JSON.stringify(this.frames.slice(-3))}`,
    );
  }
}

/** Waits for something that other turns of the event loop bring about. */
export async function until(isSo: () => unknown, what: () => string = () => 'it'): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what()}.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The texts of the unmasked WebSocket frames that a chunk consists of (RFC 6455 §5.2). */
function* framesIn(chunk: Buffer): Generator<string> {
  let at = 0;
  while (at < chunk.length) {
    let length = chunk[at + 1] as number;
    at += 2;
    if (length === 126) {
      length = chunk.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(chunk.readBigUInt64BE(at));
      at += 8;
    }
    yield chunk.toString('utf8', at, at + length);
    at += length;
  }
}
