/** RFC 6455 §5.2: the opcodes that occur here. */
export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

const FINAL = 0x80;
const MASKED = 0x80;
// A real client's mask is random. Any mask but zero costs the server the same unmasking, so one serves for all.
const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

/** A client's text frame, masked as the protocol demands of clients. */
export function clientTextFrame(text: string): Buffer {
  return clientFrame(OPCODE.text, Buffer.from(text));
}

export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const header = frameHeader(opcode, payload.length, MASK.length);
  const masksAt = header.length - MASK.length;
  header[1] = (header[1] as number) | MASKED;
  header.set(MASK, masksAt);
  const frame = Buffer.concat([header, payload]);
  for (let at = header.length, index = 0; at < frame.length; at += 1, index += 1) {
    frame[at] = (frame[at] as number) ^ (MASK[index & 3] as number);
  }
  return frame;
}

/** A server's text frame: unmasked, so the same bytes can go to every receiver. */
export function serverTextFrame(payload: Buffer): Buffer {
  return Buffer.concat([frameHeader(OPCODE.text, payload.length, 0), payload]);
}

function frameHeader(opcode: number, length: number, extra: number): Buffer {
  if (length < 126) {
    return Buffer.concat([Buffer.from([FINAL | opcode, length]), Buffer.alloc(extra)]);
  }
  if (length > 0xffff) throw new Error(`A frame of ${length} bytes is larger than anything the bench sends.`);
  return Buffer.concat([Buffer.from([FINAL | opcode, 126, length >> 8, length & 0xff]), Buffer.alloc(extra)]);
}
