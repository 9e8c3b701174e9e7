import type { Endpoints, Message, QueryOf } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** A page of a channel's messages, ascending. @throws channel_not_found, not_a_member */
export function listMessages(
  { store }: Pick<Services, 'store'>,
  { userId }: Actor,
  channelId: string,
  page: QueryOf<Endpoints['listMessages']>,
): Promise<{ messages: Message[]; head: number }> {
  return store.listMessages({ ...page, userId, channelId });
}
