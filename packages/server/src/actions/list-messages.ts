import type { Endpoints, Entry, Event, Message, QueryOf } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import { TAIL_LENGTH } from '../tail/recent-tail.ts';
import type { Services } from './services.ts';

type Page = QueryOf<Endpoints['listMessages']>;

interface Messages {
  readonly messages: Message[];
  readonly head: number;
}

/** Beside the messages of a page, so many joins, renames and the like are allowed for. */
const OTHERS_IN_BETWEEN = 10;

/** What a channel's log may tell of without a message being another one afterwards. */
const LEAVE_MESSAGES_ALONE: ReadonlySet<Event['type']> = new Set<Event['type']>([
  'message.posted',
  'channel.created',
  'channel.updated',
  'member.joined',
  'member.left',
  'member.removed',
  'member.role_changed',
]);

/** A page of a channel's messages, ascending. @throws channel_not_found, not_a_member */
export async function listMessages(
  services: Pick<Services, 'store' | 'tail' | 'metrics'>,
  { userId }: Actor,
  channelId: string,
  page: Page,
): Promise<Messages> {
  const { before, after, around, limit } = page;
  const isLatest = before === undefined && after === undefined && around === undefined;
  if (!isLatest) return services.store.listMessages({ ...page, userId, channelId });
  const recent = await latestMessages(services, userId, channelId, limit);
  services.metrics.tailReads.inc({ use: 'join', outcome: recent ? 'hit' : 'miss' });
  return recent ?? services.store.listMessages({ limit, userId, channelId });
}

/**
 * The latest page out of what is remembered; null where that does not reach from the head, as the database tells it
 * together with the right to read, down to the page's first message.
 */
async function latestMessages(
  { store, tail }: Pick<Services, 'store' | 'tail'>,
  userId: string,
  channelId: string,
  limit: number,
): Promise<Messages | null> {
  const head = await store.readHead({ userId, channelId });
  const after = Math.max(0, head - Math.min(limit + OTHERS_IN_BETWEEN, TAIL_LENGTH));
  const entries = await tail.read({ stream: channelId, after, to: head });
  if (!entries?.every(({ event }) => LEAVE_MESSAGES_ALONE.has(event.type))) return null;
  const messages = entries.flatMap(messageIn);
  return after === 0 || messages.length >= limit ? { messages: messages.slice(-limit), head } : null;
}

function messageIn({ event }: Entry): Message[] {
  return event.type === 'message.posted' ? [event.message] : [];
}
