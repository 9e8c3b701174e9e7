import * as z from 'zod/mini';
import { Id, Seq, StreamId } from './ids.ts';
import { Cursors, MessageBody } from './models.ts';

/** Most people whose presence one socket is told. */
export const MOST_WATCHED = 200;

const up = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), ref: z.int().check(z.minimum(0)), ...shape });

/**
 * First on every socket, within 5 s. `token` may be left out where the upgrade carried an `Authorization` header.
 * `cursors` says where to resume; a stream without one begins at its head.
 */
export const Hello = up('hello', {
  token: z.optional(z.string().check(z.maxLength(4_096))),
  epoch: z.optional(Id),
  cursors: z.optional(Cursors),
});
export type Hello = z.infer<typeof Hello>;

/** Sends a message. The sender names it: sending the same id again is safe for ever. */
export const Send = up('send', { id: Id, channelId: Id, body: MessageBody });
export type Send = z.infer<typeof Send>;

/** Moves the read cursor of a channel forward to `seq`; a lower one changes nothing. */
export const Read = up('read', { channelId: Id, seq: Seq });
export type Read = z.infer<typeof Read>;

/** Asks for a page of a log: the entries above `after`, at most `limit`. */
export const Pull = up('pull', {
  stream: StreamId,
  after: Seq,
  limit: z._default(z.int().check(z.minimum(1), z.maximum(500)), 500),
});
export type Pull = z.infer<typeof Pull>;

/** Names the people whose presence is shown, in place of those named before. A `presence` follows, and each change. */
export const Watch = up('watch', { userIds: z.array(Id).check(z.maxLength(MOST_WATCHED)) });
export type Watch = z.infer<typeof Watch>;

/** Says whether somebody is at this client. A connection begins active. */
export const Active = up('active', { active: z.boolean() });
export type Active = z.infer<typeof Active>;

/** Hands over a fresh access token before the old one runs out. */
export const Auth = up('auth', { token: z.string().check(z.maxLength(4_096)) });
export type Auth = z.infer<typeof Auth>;

export const Ping = up('ping', {});
export type Ping = z.infer<typeof Ping>;

/** Everything a client may say on the socket. */
export const UpFrame = z.discriminatedUnion('type', [Hello, Send, Read, Pull, Watch, Active, Auth, Ping]);
export type UpFrame = z.infer<typeof UpFrame>;
/** A frame as a client writes it, with the defaults left out. */
export type UpFrameInput = z.input<typeof UpFrame>;
