import { type Cursors, Failure } from '@parley/protocol';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { LogEntry } from './frames.ts';
import { pause, type Timing } from './timing.ts';

/** Most entries held per stream while the range before them is fetched; the rest is fetched again. */
const HELD_MOST = 5_000;
/** A gap beyond this is not worth fetching where nobody wants each entry. */
const GAP_MOST = 5_000;

export interface StreamsDeps {
  /** The seq last applied; undefined for a stream that is not followed. */
  cursorOf(stream: string): number | undefined;
  apply(entry: LogEntry): void;
  /** Fetches the page of entries above `after`. */
  pull(stream: string, after: number): Promise<{ entries: readonly LogEntry[] }>;
  /** Resolves when those who read the entries are ready for more. */
  room(): Promise<void>;
  /** Whether somebody wants every single entry. */
  isRead(): boolean;
  /** Starts anew from a fresh snapshot. */
  resync(): void;
  readonly timing: Timing;
  readonly backoff: Backoff;
}

/** Stands between the wire and the state: what passes is each stream's log, in order, each entry once (D2). */
export interface Streams {
  receive(entry: LogEntry): void;
  /** A connection began: these are its heads, and `sent` the streams that the server was told to resume. */
  resumed(heads: Cursors, sent: Cursors): void;
  /** The connection ended: what was under way is forgotten, since the next one resumes at the cursors. */
  suspended(): void;
  beat(heads: Cursors): void;
  behind(stream: string, head: number): void;
  /** Fetches what stands still though its head is known to be further on. To be called now and then. */
  check(): void;
}

/** What is known of a stream beyond its cursor. */
interface Line {
  /** Entries that came too early, or for a stream that is not followed yet. */
  readonly held: Map<number, LogEntry>;
  /** The highest seq known to exist. */
  target: number;
  /** The server sends entries up to here by itself. */
  promised: number;
  pulling: boolean;
  cursorAtCheck: number;
}

export function createStreams(deps: StreamsDeps): Streams {
  const { cursorOf } = deps;
  const lines = new Map<string, Line>();

  function lineOf(stream: string): Line {
    let line = lines.get(stream);
    if (line === undefined) {
      line = { held: new Map(), target: 0, promised: 0, pulling: false, cursorAtCheck: -1 };
      lines.set(stream, line);
    }
    return line;
  }

  function receive(entry: LogEntry): void {
    const { stream, seq } = entry;
    const cursor = cursorOf(stream);
    if (cursor !== undefined && seq <= cursor) return;
    if (cursor !== undefined && seq === cursor + 1) {
      advance(entry);
      release(stream);
      return;
    }
    const line = lineOf(stream);
    if (line.held.size < HELD_MOST) line.held.set(seq, entry);
    line.target = Math.max(line.target, seq);
    if (cursor !== undefined) void repair(stream);
  }

  function advance(entry: LogEntry): void {
    deps.apply(entry);
    if (entry.event.type !== 'membership.added') return;
    const joined = entry.event.channel.id;
    release(joined);
    const line = lines.get(joined);
    if (line !== undefined && line.promised < line.target) void repair(joined);
  }

  /** Applies what was held and has its turn now. */
  function release(stream: string): void {
    const line = lines.get(stream);
    if (line === undefined || line.held.size === 0) return;
    for (;;) {
      const cursor = cursorOf(stream);
      if (cursor === undefined) return;
      const next = line.held.get(cursor + 1);
      if (next === undefined) break;
      line.held.delete(cursor + 1);
      advance(next);
    }
    const cursor = cursorOf(stream) as number;
    for (const seq of line.held.keys()) if (seq <= cursor) line.held.delete(seq);
  }

  async function repair(stream: string): Promise<void> {
    const line = lineOf(stream);
    if (line.pulling) return;
    line.pulling = true;
    try {
      await fetchMissing(stream, line);
    } finally {
      line.pulling = false;
    }
  }

  async function fetchMissing(stream: string, line: Line): Promise<void> {
    let tries = 0;
    // A new connection has new lines: this one's work is over then.
    while (lines.get(stream) === line) {
      const cursor = cursorOf(stream);
      if (cursor === undefined || cursor >= line.target) return;
      if (line.target - cursor > GAP_MOST && !deps.isRead()) return deps.resync();
      await deps.room();
      try {
        const { entries } = await deps.pull(stream, cursor);
        if (lines.get(stream) !== line) return;
        for (const entry of entries) receive(entry);
        tries = 0;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (error.remedy !== 'retry' && error.remedy !== 'wait') {
          // No longer mine to read; the stream that says so is on its way.
          lines.delete(stream);
          return;
        }
        await pause(deps.timing, error.details.retryAfterMs ?? backoffDelay(tries, deps.backoff, deps.timing));
        tries += 1;
        continue;
      }
      // A page that brings nothing on would be asked for for ever; the next check tries again.
      if (cursorOf(stream) === cursor) return;
    }
  }

  function expect(stream: string, head: number): Line | null {
    const cursor = cursorOf(stream);
    if (cursor !== undefined && head <= cursor) return null;
    const line = lineOf(stream);
    line.target = Math.max(line.target, head);
    return line;
  }

  return {
    receive,
    resumed(heads, sent) {
      lines.clear();
      for (const [stream, head] of Object.entries(heads)) {
        const line = expect(stream, head);
        if (line === null) continue;
        if (Object.hasOwn(sent, stream) || cursorOf(stream) === undefined) line.promised = head;
        else void repair(stream);
      }
    },
    suspended() {
      lines.clear();
    },
    beat(heads) {
      for (const [stream, head] of Object.entries(heads)) {
        const line = expect(stream, head);
        const cursor = cursorOf(stream);
        if (line !== null && cursor !== undefined && cursor >= line.promised) void repair(stream);
      }
    },
    behind(stream, head) {
      const line = expect(stream, head);
      if (line === null) return;
      line.promised = 0;
      if (cursorOf(stream) !== undefined) void repair(stream);
    },
    check() {
      for (const [stream, line] of lines) {
        const cursor = cursorOf(stream);
        if (cursor === undefined) continue;
        if (cursor >= line.target) {
          if (!line.pulling && line.held.size === 0) lines.delete(stream);
        } else if (cursor === line.cursorAtCheck) {
          void repair(stream);
        }
        line.cursorAtCheck = cursor;
      }
    },
  };
}
