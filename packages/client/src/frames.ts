import { DownFrame, Entry, Ok, type UpFrameInput } from '@parley/protocol';

/** An entry that a newer server wrote and this version cannot read: only its place in the log counts. */
export interface UnknownEntry {
  readonly stream: string;
  readonly seq: number;
  readonly event: { readonly type: 'unknown' };
}
export type LogEntry = Entry | UnknownEntry;

export type OkFrame = Omit<Ok, 'entries'> & { readonly entries?: readonly LogEntry[] };

/** A frame of the server as this client takes it. */
export type Heard =
  | Exclude<DownFrame, { type: 'entry' | 'ok' }>
  | { readonly type: 'entry'; readonly entry: LogEntry }
  | OkFrame;

/** An up-frame before it gets its `ref`. */
export type Command = UpFrameInput extends infer Frame ? (Frame extends unknown ? Omit<Frame, 'ref'> : never) : never;

/**
 * Reads a frame; null where it is none that this version knows. A newer server may say new things, and those must
 * neither stop a client nor hold up a log: an entry that cannot be read still has its stream and seq.
 */
export function readFrame(data: unknown): Heard | null {
  const frame = parseObject(data);
  if (frame === null) return null;
  switch (frame.type) {
    case 'entry': {
      const entry = readEntry(frame);
      return entry && { type: 'entry', entry };
    }
    case 'ok':
      return readOk(frame);
    case 'fail':
      return readFail(frame);
    default: {
      const known = DownFrame.safeParse(frame);
      return known.success && known.data.type !== 'entry' && known.data.type !== 'ok' ? known.data : null;
    }
  }
}

function parseObject(data: unknown): Record<string, unknown> | null {
  if (typeof data !== 'string') return null;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function readEntry(value: unknown): LogEntry | null {
  const known = Entry.safeParse(value);
  if (known.success) return known.data;
  const { stream, seq } = (value ?? {}) as Record<string, unknown>;
  if (typeof stream !== 'string' || !Number.isSafeInteger(seq) || (seq as number) < 1) return null;
  return { stream, seq: seq as number, event: { type: 'unknown' } };
}

function readOk(frame: Record<string, unknown>): Heard | null {
  const { entries, ...rest } = frame;
  const known = Ok.safeParse(rest);
  if (!known.success) return null;
  const { entries: _none, ...ok } = known.data;
  return Array.isArray(entries) ? { ...ok, entries: entries.map(readEntry).filter((entry) => entry !== null) } : ok;
}

function readFail(frame: Record<string, unknown>): Heard | null {
  const known = DownFrame.safeParse(frame);
  if (known.success) return known.data as Heard;
  // A refusal for a reason this version does not know is still a refusal: whoever waits for it must hear it.
  const unknown = DownFrame.safeParse({ ...frame, code: 'forbidden' });
  return unknown.success ? (unknown.data as Heard) : null;
}
