import type { Endpoints, Member, QueryOf } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** A page of a channel's members. @throws channel_not_found, not_a_member */
export function listMembers(
  { store }: Pick<Services, 'store'>,
  { userId }: Actor,
  channelId: string,
  page: QueryOf<Endpoints['listMembers']>,
): Promise<{ members: Member[]; next: string | null }> {
  return store.listMembers({ ...page, userId, channelId });
}
