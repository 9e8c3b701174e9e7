import type { Entry } from '@parley/protocol';
import { entryFrame } from './frames.ts';

/** Consecutive entries of one stream, encoded once for all who receive them. */
export interface Batch {
  readonly entries: readonly Entry[];
  readonly first: number;
  readonly last: number;
  /** A frame per entry, in order. */
  readonly frames: readonly Buffer[];
  /** The same frames as one piece. */
  readonly chunk: Buffer;
  /** The same frames for those who take them piece by piece; cut once, when the first of them asks. */
  pieces(): readonly Piece[];
}

/** As many entries as go out in one write. */
export interface Piece {
  readonly entries: readonly Entry[];
  readonly last: number;
  readonly chunk: Buffer;
}

/** What is larger goes out in pieces of about this size. */
export const PIECE_BYTES = 128 * 1024;

export function batchOf(entries: readonly Entry[]): Batch {
  const frames = entries.map(entryFrame);
  let pieces: readonly Piece[] | undefined;
  return {
    entries,
    first: (entries[0] as Entry).seq,
    last: (entries[entries.length - 1] as Entry).seq,
    frames,
    chunk: frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames),
    pieces() {
      pieces ??= [...inPieces(entries, frames)];
      return pieces;
    },
  };
}

export function* inPieces(entries: readonly Entry[], frames: readonly Buffer[]): Generator<Piece> {
  let bytes = 0;
  let start = 0;
  for (const [index, entry] of entries.entries()) {
    bytes += frames[index]?.length ?? 0;
    if (bytes < PIECE_BYTES && index < entries.length - 1) continue;
    const end = index + 1;
    yield { entries: entries.slice(start, end), last: entry.seq, chunk: Buffer.concat(frames.slice(start, end)) };
    start = end;
    bytes = 0;
  }
}
