import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import { expect, vi } from 'vitest';

/** A frame of RFC 6455 as it lies on the wire, lawful unless told otherwise. */
export interface WireFrame {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly reserved?: number;
  readonly masked?: boolean;
  readonly payload?: string | Buffer;
  /** What the header says that the payload's length is, where that is not so. */
  readonly claimedLength?: bigint;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const PATIENCE = { timeout: 15_000, interval: 5 };

/** The bytes of a frame, also of one that no library would write. */
export function wireFrame(frame: WireFrame): Buffer {
  const { opcode = OPCODE.text, fin = true, reserved = 0, masked = true, payload = '' } = frame;
  const content = Buffer.from(payload);
  const length = frame.claimedLength ?? BigInt(content.length);
  const mask = masked ? randomBytes(4) : Buffer.alloc(0);
  const body = masked ? content.map((byte, index) => byte ^ (mask[index % 4] as number)) : content;
  return Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | (reserved << 4) | opcode]),
    lengthBytes(length, masked ? 0x80 : 0),
    mask,
    body,
  ]);
}

function lengthBytes(length: bigint, maskBit: number): Buffer {
  if (length < 126n) return Buffer.from([maskBit | Number(length)]);
  const bytes = Buffer.alloc(length < 65_536n ? 3 : 9);
  if (bytes.length === 3) {
    bytes[0] = maskBit | 126;
    bytes.writeUInt16BE(Number(length), 1);
  } else {
    bytes[0] = maskBit | 127;
    bytes.writeBigUInt64BE(length, 1);
  }
  return bytes;
}

/** Somebody at the other end of a TCP connection who does what no library would do. */
export class RawPeer {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #ended = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.on('data', (bytes) => this.#chunks.push(bytes));
    this.socket.on('error', () => {});
    this.socket.on('close', () => (this.#ended = true));
  }

  /** Shakes hands as a WebSocket client does. */
  static async upgraded(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawPeer> {
    const peer = new RawPeer(url);
    peer.write(upgradeRequest(url, headers));
    await peer.head();
    return peer;
  }

  get #received(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  send(...frames: readonly WireFrame[]): void {
    this.write(Buffer.concat(frames.map(wireFrame)));
  }

  /** A JSON frame in one piece. */
  say(value: unknown): void {
    this.send({ payload: JSON.stringify(value) });
  }

  /** Waits for the head of the HTTP answer. */
  async head(): Promise<string> {
    return vi.waitFor(() => {
      const received = this.#received;
      const end = received.indexOf('\r\n\r\n');
      expect(end, 'the end of the head').toBeGreaterThan(0);
      return received.toString('latin1', 0, end);
    }, PATIENCE);
  }

  /** What came after the head, as text. */
  get rest(): string {
    const received = this.#received;
    return received.subarray(received.indexOf('\r\n\r\n') + 4).toString();
  }

  /** The frames received so far. */
  frames(): { readonly opcode: number; readonly payload: Buffer }[] {
    const received = this.#received;
    const frames = [];
    let at = received.indexOf('\r\n\r\n') + 4;
    while (at + 2 <= received.length) {
      const short = received.readUInt8(at + 1);
      const start = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
      if (start > received.length) break;
      const length = short === 126 ? received.readUInt16BE(at + 2) : short;
      if (start + length > received.length) break;
      frames.push({ opcode: received.readUInt8(at) & 0x0f, payload: received.subarray(start, start + length) });
      at = start + length;
    }
    return frames;
  }

  /** The JSON frames received so far. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into frames of every shape
  heard(): any[] {
    return this.frames().flatMap(({ opcode, payload }) =>
      opcode === OPCODE.text ? [JSON.parse(payload.toString())] : [],
    );
  }

  /** Waits for the server's close frame and gives its code. */
  async closeCode(): Promise<number> {
    return vi.waitFor(() => {
      const close = this.frames().find(({ opcode }) => opcode === OPCODE.close);
      if (!close) throw new Error('There is no close frame yet.');
      return close.payload.readUInt16BE(0);
    }, PATIENCE);
  }

  /** Waits until the TCP connection has ended. */
  async ended(): Promise<void> {
    await vi.waitFor(() => expect(this.#ended, 'the end of the connection').toBe(true), PATIENCE);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export function upgradeRequest(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  path = SOCKET_PATH,
): string {
  const all = {
    Host: new URL(url).host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': SUBPROTOCOL,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
