import type { Outgoing } from '@parley/client';
import type { Message } from '@parley/protocol';

/** One line of what a channel shows, top to bottom. `key` stays the same for as long as the thing does. */
export type Row =
  | { readonly kind: 'beginning'; readonly key: string }
  | { readonly kind: 'day'; readonly key: string; readonly at: string }
  | { readonly kind: 'unread'; readonly key: string }
  | MessageRow;

export interface MessageRow {
  readonly kind: 'message';
  /** The message's id, before it is acknowledged and after: the row never changes places with another. */
  readonly key: string;
  readonly authorId: string;
  readonly body: string;
  readonly at: string;
  /** Shows the author: the row before is somebody else's, or long ago. */
  readonly startsGroup: boolean;
  /** Null once the message is acknowledged. */
  readonly outgoing: Outgoing['status'] | null;
}

export interface RowsInput {
  readonly messages: readonly Message[];
  /** Nothing is older than the first of the messages. */
  readonly complete: boolean;
  readonly outbox: readonly Outgoing[];
  readonly me: string;
  /** The read cursor when the channel was opened; null where nothing was unread. */
  readonly unreadAfter: number | null;
}

/** Messages of one author that are at most this far apart share one heading, in milliseconds. */
export const GROUP_WITHIN_MS = 5 * 60_000;

/**
 * Lays a channel's messages out: days, the line before the unread ones, groups by author, then what is on its way.
 * Where older messages are still to come, the first one has no day above it: that would have to move, and with it the
 * place that the reader is at.
 */
export function buildRows({ messages, complete, outbox, me, unreadAfter }: RowsInput): Row[] {
  const rows: Row[] = complete ? [{ kind: 'beginning', key: 'beginning' }] : [];
  const arrived = new Set(messages.map((message) => message.id));
  let previous: MessageRow | null = null;
  let unreadShown = unreadAfter === null;

  const add = (message: Omit<MessageRow, 'kind' | 'startsGroup'>, breaksGroup: boolean) => {
    const newDay = previous === null ? complete : dayKey(previous.at) !== dayKey(message.at);
    if (newDay) rows.push({ kind: 'day', key: `day ${dayKey(message.at)}`, at: message.at });
    if (breaksGroup) rows.push({ kind: 'unread', key: 'unread' });
    const startsGroup = newDay || breaksGroup || previous === null || !continues(previous, message);
    previous = { kind: 'message', ...message, startsGroup };
    rows.push(previous);
  };

  for (const { id, authorId, body, createdAt, seq } of messages) {
    const firstUnread = !unreadShown && authorId !== me && seq > (unreadAfter ?? 0);
    if (firstUnread) unreadShown = true;
    add({ key: id, authorId, body, at: createdAt, outgoing: null }, firstUnread);
  }
  for (const { id, body, createdAt, status } of outbox) {
    if (!arrived.has(id)) add({ key: id, authorId: me, body, at: createdAt, outgoing: status }, false);
  }
  return rows;
}

function continues(previous: MessageRow, next: { authorId: string; at: string }): boolean {
  const apart = Math.abs(Date.parse(next.at) - Date.parse(previous.at));
  return previous.authorId === next.authorId && apart <= GROUP_WITHIN_MS;
}

/** The calendar day in the reader's time zone. */
export function dayKey(at: string | number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** How many messages of others came after `seq`. Looks at those alone. */
export function countNewer(messages: readonly Message[], seq: number, me: string): number {
  let count = 0;
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (message === undefined || message.seq <= seq) break;
    if (message.authorId !== me) count += 1;
  }
  return count;
}

/** A guess of a row's height in pixels before it is measured, `width` being that of the text. */
export function estimateHeight(row: Row | undefined, width: number): number {
  if (row === undefined) return 28;
  if (row.kind === 'beginning') return 148;
  if (row.kind !== 'message') return 48;
  const perLine = Math.max(20, Math.floor(width / 7.4));
  let lines = 0;
  for (const line of row.body.split('\n')) lines += Math.max(1, Math.ceil(line.length / perLine));
  return lines * 24 + 4 + (row.startsGroup ? 36 : 0) + (row.outgoing?.kind === 'failed' ? 36 : 0);
}
