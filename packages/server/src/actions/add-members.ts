import type { BodyOf, Endpoints } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** Adds all of these people, or none. @throws user_not_found, channel_not_found, forbidden, channel_archived */
export function addMembers(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { userId: actorId }: Actor,
  channelId: string,
  { usernames }: BodyOf<Endpoints['addMembers']>,
): Promise<{ added: string[]; already: string[] }> {
  return store.addMembers({ actorId, channelId, usernames, at: clock.now() });
}
