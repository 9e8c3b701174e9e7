import type { Entry, Message } from '@parley/protocol';
import type { MessageToPost } from './store.ts';
import { timestamp } from './timestamp.ts';

/** A message as it stands once it has been posted, at that place of its channel. */
export function postedMessage(posting: MessageToPost, seq: number, ordinal: number): Message {
  const { id, channelId, authorId, body, at } = posting;
  return { id, channelId, seq, ordinal, authorId, body, createdAt: timestamp(at), rev: 1 };
}

/** A message's entry in the log of its channel. */
export function postedEntry(message: Message): Entry {
  const { channelId, seq, createdAt, authorId } = message;
  return { stream: channelId, seq, at: createdAt, actor: authorId, event: { type: 'message.posted', message } };
}
