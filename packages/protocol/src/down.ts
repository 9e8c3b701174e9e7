import * as z from 'zod/mini';
import { Id, Seq, StreamId } from './ids.ts';
import { Cursors, Entry, PresenceState } from './models.ts';
import { ErrorCodeName } from './problem.ts';

const down = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
  z.object({ type: z.literal(type), ...shape });

const Ref = z.int();

/** The answer to `hello`. A stream that had no cursor goes on at `heads[stream] + 1`. */
export const Welcome = down('welcome', { ref: Ref, userId: Id, sessionId: Id, epoch: Id, heads: Cursors });
export type Welcome = z.infer<typeof Welcome>;

/** One entry of a log. On one connection a stream's entries arrive as s+1, s+2, …: never a gap, never twice. */
export const EntryFrame = z.extend(Entry, { type: z.literal('entry') });
export type EntryFrame = z.infer<typeof EntryFrame>;

/** An up-frame was carried out. `send`: id, stream, seq. `read`: seq. `pull`: entries, head. */
export const Ok = down('ok', {
  ref: Ref,
  id: z.optional(Id),
  stream: z.optional(StreamId),
  seq: z.optional(Seq),
  entries: z.optional(z.array(Entry)),
  head: z.optional(Seq),
});
export type Ok = z.infer<typeof Ok>;

/** An up-frame was refused, with a code of the catalogue. `ref` is null where the frame had none that could be read. */
export const Fail = down('fail', {
  ref: z.nullable(Ref),
  code: ErrorCodeName,
  title: z.string(),
  detail: z.optional(z.string()),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
  retryAfterMs: z.optional(z.int()),
});
export type Fail = z.infer<typeof Fail>;

/** Now and then: the heads of the streams that moved since the last beat. A client that is behind one pulls. */
export const Beat = down('beat', { heads: Cursors });
export type Beat = z.infer<typeof Beat>;

/** Whether some of the watched people are there: all of them after `watch`, later those of whom it has changed. */
export const Presence = down('presence', { states: z.record(Id, PresenceState) });
export type Presence = z.infer<typeof Presence>;

/** The reader is too far behind to be caught up here: entries go on above `head`; those up to it are to be pulled. */
export const Behind = down('behind', { stream: StreamId, after: Seq, head: Seq });
export type Behind = z.infer<typeof Behind>;

/** The cursors belong to another lineage of the database: forget all state and bootstrap again. */
export const Reset = down('reset', { epoch: Id });
export type Reset = z.infer<typeof Reset>;

export const Pong = down('pong', { ref: Ref });
export type Pong = z.infer<typeof Pong>;

/** Everything the server may say on the socket. */
export const DownFrame = z.discriminatedUnion('type', [
  Welcome,
  EntryFrame,
  Ok,
  Fail,
  Beat,
  Presence,
  Behind,
  Reset,
  Pong,
]);
export type DownFrame = z.infer<typeof DownFrame>;
