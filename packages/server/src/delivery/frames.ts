import type { DownFrame, Entry } from '@parley/protocol';
import * as ws from 'ws';

interface FrameOptions {
  readonly fin: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly rsv1: boolean;
  readonly readOnly: boolean;
}

// ws exposes its framing, though not in its types.
const { Sender } = ws as unknown as {
  Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] };
};

const TEXT: FrameOptions = { fin: true, opcode: 1, mask: false, rsv1: false, readOnly: true };

/** A text frame as it goes over the wire, made once for any number of receivers. */
export function textFrame(text: string): Buffer {
  return Buffer.concat(Sender.frame(Buffer.from(text), TEXT));
}

/** A ping of the WebSocket protocol itself, which every peer answers. */
export const PING: Buffer = Buffer.concat(Sender.frame(Buffer.alloc(0), { ...TEXT, opcode: 9 }));

export function frameOf(frame: DownFrame): Buffer {
  return textFrame(JSON.stringify(frame));
}

export function entryFrame(entry: Entry): Buffer {
  return textFrame(JSON.stringify({ type: 'entry', ...entry }));
}
