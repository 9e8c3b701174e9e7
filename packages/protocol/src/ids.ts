import * as z from 'zod/mini';
import { WORKSPACE_STREAM } from './streams.ts';

/** A UUID in its canonical text form. Upper case is accepted and lowered, so that one id has one spelling. */
export const Id = z.uuid().check(z.toLowerCase());
export type Id = z.infer<typeof Id>;

/** A stream's name: a channel's id, a user's id, or `workspace`. */
export const StreamId = z.union([Id, z.literal(WORKSPACE_STREAM)]);
export type StreamId = z.infer<typeof StreamId>;

/** A place in a stream's log: dense from 1; 0 stands before the first entry. */
export const Seq = z.int().check(z.minimum(0));
