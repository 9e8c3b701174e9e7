const LONGEST_HEADER = 10;

/** Called once for each frame that has arrived whole. `payload` is null where the frame was only counted. */
export type FrameListener = (opcode: number, length: number, payload: Buffer | null) => void;

/**
 * Finds the frames in a server's byte stream by their headers alone. A load generator that parsed every delivery would
 * be slower than the server it measures; this one touches a few bytes of each.
 */
export class FrameReader {
  /** Text frames of at most this many bytes are handed over with their payload; control frames always are. */
  keepUpTo = Number.POSITIVE_INFINITY;

  readonly #onFrame: FrameListener;
  readonly #header = Buffer.alloc(LONGEST_HEADER);
  #headerBytes = 0;
  #opcode = 0;
  #length = 0;
  #missing = 0;
  #kept: Buffer | null = null;

  constructor(onFrame: FrameListener) {
    this.#onFrame = onFrame;
  }

  /** Takes the next `length` bytes of the stream. They are copied where they are kept, so the buffer may be reused. */
  read(chunk: Uint8Array, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#missing > 0) {
        const step = Math.min(this.#missing, length - at);
        this.#kept?.set(chunk.subarray(at, at + step), this.#length - this.#missing);
        this.#missing -= step;
        at += step;
        if (this.#missing === 0) this.#finishFrame();
      } else {
        this.#header[this.#headerBytes++] = chunk[at++] as number;
        if (this.#headerBytes === this.#headerSize()) this.#startFrame();
      }
    }
  }

  #headerSize(): number {
    if (this.#headerBytes < 2) return 2;
    const short = (this.#header[1] as number) & 0x7f;
    return short === 126 ? 4 : short === 127 ? 10 : 2;
  }

  #startFrame(): void {
    const first = this.#header[0] as number;
    const short = (this.#header[1] as number) & 0x7f;
    this.#opcode = first & 0x0f;
    this.#length =
      short === 126 ? this.#header.readUInt16BE(2) : short === 127 ? Number(this.#header.readBigUInt64BE(2)) : short;
    this.#headerBytes = 0;
    this.#missing = this.#length;
    const isControl = this.#opcode >= 8;
    this.#kept = isControl || this.#length <= this.keepUpTo ? Buffer.allocUnsafe(this.#length) : null;
    if (this.#missing === 0) this.#finishFrame();
  }

  #finishFrame(): void {
    const payload = this.#kept;
    this.#kept = null;
    this.#onFrame(this.#opcode, this.#length, payload);
  }
}
