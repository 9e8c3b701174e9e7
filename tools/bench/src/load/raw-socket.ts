import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { FrameReader } from './frame-reader.ts';
import { clientFrame, clientTextFrame, OPCODE } from './frames.ts';

export interface RawSocketOptions {
  readonly port: number;
  readonly path: string;
  readonly subprotocol?: string;
  /** Each text frame, whole; `payload` is null where it was only counted (see `keepUpTo`). */
  onText(length: number, payload: Buffer | null): void;
  /** After each read from the system, when its frames have been reported. */
  onRead?(): void;
  /** The connection is over, for whatever reason; the code is 1006 where the server sent no close frame. */
  onClosed(reason: string, code: number): void;
}

// Reads are handled to their end before the next begins, so every socket of the process can share one buffer.
const sharedBuffer = Buffer.allocUnsafe(64 * 1024);
const END_OF_HEAD = '\r\n\r\n';

/** A WebSocket client with nothing between it and the system but the header counting of `FrameReader`. */
export class RawSocket {
  readonly #socket: Socket;
  readonly #options: RawSocketOptions;
  readonly #frames: FrameReader;
  #answer: string | null = '';
  #closeReason = 'the connection ended';
  #closeCode = 1006;
  readonly #opened = Promise.withResolvers<void>();

  private constructor(options: RawSocketOptions) {
    this.#options = options;
    this.#frames = new FrameReader((opcode, length, payload) => this.#receive(opcode, length, payload));
    this.#socket = connect({
      port: options.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: sharedBuffer, callback: (bytes, buffer) => this.#read(bytes, buffer) },
    });
    this.#socket.on('connect', () => this.#socket.write(upgradeRequest(options)));
    this.#socket.on('error', (error) => {
      this.#closeReason = error.message;
    });
    this.#socket.on('close', () => {
      this.#opened.reject(new Error(`The socket did not open: ${this.#closeReason}.`));
      options.onClosed(this.#closeReason, this.#closeCode);
    });
  }

  /** Connects to 127.0.0.1 and upgrades. Throws where the server does not switch protocols. */
  static async open(options: RawSocketOptions): Promise<RawSocket> {
    const socket = new RawSocket(options);
    await socket.#opened.promise;
    return socket;
  }

  /** See `FrameReader.keepUpTo`. */
  set keepUpTo(bytes: number) {
    this.#frames.keepUpTo = bytes;
  }

  sendText(text: string): void {
    this.#socket.write(clientTextFrame(text));
  }

  /** Sends frames that were made before, in one write. */
  sendFrames(frames: readonly Buffer[]): void {
    this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(bytes: number, buffer: Uint8Array): boolean {
    if (this.#answer === null) this.#frames.read(buffer, bytes);
    else this.#readAnswer(Buffer.from(buffer.subarray(0, bytes)));
    this.#options.onRead?.();
    return true;
  }

  #readAnswer(chunk: Buffer): void {
    this.#answer += chunk.toString('latin1');
    const end = (this.#answer as string).indexOf(END_OF_HEAD);
    if (end === -1) return;
    const answer = this.#answer as string;
    if (!answer.startsWith('HTTP/1.1 101')) {
      this.#closeReason = `the server answered ${JSON.stringify(answer.slice(0, 300))}`;
      this.#socket.destroy();
      return;
    }
    this.#answer = null;
    this.#opened.resolve();
    const rest = Buffer.from(answer.slice(end + END_OF_HEAD.length), 'latin1');
    this.#frames.read(rest, rest.length);
  }

  #receive(opcode: number, length: number, payload: Buffer | null): void {
    if (opcode === OPCODE.text) this.#options.onText(length, payload);
    else if (opcode === OPCODE.ping && payload) this.#socket.write(clientFrame(OPCODE.pong, payload));
    else if (opcode === OPCODE.close && payload) this.#noteClose(payload);
  }

  #noteClose(payload: Buffer): void {
    this.#closeCode = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    this.#closeReason = payload.toString('utf8', 2) || `the server closed with ${this.#closeCode}`;
  }
}

function upgradeRequest({ path, port, subprotocol }: RawSocketOptions): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    ...(subprotocol ? [`Sec-WebSocket-Protocol: ${subprotocol}`] : []),
  ];
  return lines.join('\r\n') + END_OF_HEAD;
}
