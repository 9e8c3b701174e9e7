import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { FrameReader } from './frame-reader.ts';
import { clientTextFrame, serverTextFrame } from './frames.ts';

/** Reads the bytes in pieces of the given sizes, repeated as often as needed. */
function readInPieces(reader: FrameReader, bytes: Buffer, sizes: readonly number[]): void {
  const shared = Buffer.alloc(Math.max(...sizes));
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    const length = bytes.copy(shared, 0, at, at + (sizes[piece % sizes.length] as number));
    reader.read(shared, length);
    at += length;
  }
}

test('frames are counted and kept alike, however the stream is cut into reads', () => {
  const texts = fc.array(fc.string({ maxLength: 300, unit: 'grapheme' }), { minLength: 1, maxLength: 20 });
  const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(texts, sizes, fc.integer({ min: 0, max: 300 }), (sent, cuts, keepUpTo) => {
      const seen: { length: number; text: string | null }[] = [];
      const reader = new FrameReader((_opcode, length, payload) =>
        seen.push({ length, text: payload?.toString() ?? null }),
      );
      reader.keepUpTo = keepUpTo;
      readInPieces(reader, Buffer.concat(sent.map((text) => serverTextFrame(Buffer.from(text)))), cuts);
      const expected = sent.map((text) => {
        const length = Buffer.byteLength(text);
        return { length, text: length <= keepUpTo ? text : null };
      });
      expect(seen).toEqual(expected);
    }),
  );
});

test('a frame longer than 64 KiB is counted by its 64-bit length', () => {
  const payload = Buffer.alloc(70_000, 'x');
  const header = Buffer.alloc(10);
  header.set([0x81, 127]);
  header.writeBigUInt64BE(BigInt(payload.length), 2);
  const lengths: number[] = [];
  const reader = new FrameReader((_opcode, length) => lengths.push(length));
  reader.keepUpTo = 0;
  readInPieces(reader, Buffer.concat([header, payload, serverTextFrame(Buffer.from('next'))]), [4_096]);
  expect(lengths).toEqual([70_000, 4]);
});

test('a real WebSocket server understands the frames that the bench writes', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const received: string[] = [];
  const arrived = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        received.push(data.toString());
        if (received.length === 3) resolve();
      });
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const raw = await new Promise<NodeJS.WritableStream>((resolve) => {
    client.on('upgrade', (response) => client.on('open', () => resolve(response.socket)));
  });
  const texts = ['short', 'ä'.repeat(100), 'x'.repeat(40_000)];
  for (const text of texts) raw.write(clientTextFrame(text));
  await arrived;
  expect(received).toEqual(texts);
  client.terminate();
  server.close();
});
