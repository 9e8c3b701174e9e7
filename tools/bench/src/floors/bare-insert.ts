/** The tables that a message is stored in. */
export const TABLES = ['entries', 'messages'] as const;

/** How the two rows of one message belong together. */
export const SAME_MESSAGE = 'entries.stream_id = messages.channel_id AND entries.seq = messages.seq';

/** What a bare insert can be asked to do, on either database. */
export interface BareInsertCommands {
  /** Makes, at a place of its own, the tables and indexes that Parley's own database `like` has for messages. */
  create: { input: { at: string; like: string }; answer: null };
  /** Reads from Parley's database the messages that were not read before, in the order of their ids. */
  load: { input: null; answer: { messages: number } };
  /** Inserts what was loaded, so many messages a commit. Answers with how long the inserting took. */
  insert: { input: { messagesPerCommit: number }; answer: { seconds: number } };
}
