/** How often a frame passes: 0 drops it, 2 doubles it. Asked for each text frame that a server sends. */
export type FrameFilter = (text: string) => number;

const TEXT = 1;
const UPGRADED = 'HTTP/1.1 101 ';
const HEADERS_END = '\r\n\r\n';

/**
 * Reads what a server sends on one connection and passes it on frame by frame; what comes before the connection becomes
 * a WebSocket passes as it is. Frames of a server are never masked, and Parley's never fragmented (RFC 6455 §5.2).
 */
export function filterFrames(filter: FrameFilter): (chunk: Buffer) => Buffer[] {
  let upgraded = false;
  let rest = Buffer.alloc(0);

  return (chunk) => {
    const passed: Buffer[] = [];
    rest = Buffer.concat([rest, chunk]);
    if (!upgraded) {
      upgraded = rest.subarray(0, UPGRADED.length).toString() === UPGRADED && rest.includes(HEADERS_END);
      const end = upgraded ? rest.indexOf(HEADERS_END) + HEADERS_END.length : rest.length;
      passed.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    if (!upgraded) return passed;
    for (let frame = nextFrame(rest); frame !== null; frame = nextFrame(rest)) {
      rest = rest.subarray(frame.whole.length);
      const times = frame.opcode === TEXT ? filter(frame.payload.toString()) : 1;
      for (let time = 0; time < times; time += 1) passed.push(frame.whole);
    }
    return passed;
  };
}

interface WireFrame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly whole: Buffer;
}

function nextFrame(bytes: Buffer): WireFrame | null {
  if (bytes.length < 2) return null;
  const short = bytes.readUInt8(1) & 0x7f;
  const header = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < header) return null;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < header + length) return null;
  return {
    opcode: bytes.readUInt8(0) & 0x0f,
    payload: bytes.subarray(header, header + length),
    whole: bytes.subarray(0, header + length),
  };
}
