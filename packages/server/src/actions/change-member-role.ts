import type { BodyOf, Endpoints, Member } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** @throws channel_not_found, forbidden, user_not_found, last_owner, direct_fixed, channel_archived */
export function changeMemberRole(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { userId: actorId }: Actor,
  channelId: string,
  userId: string,
  { role }: BodyOf<Endpoints['changeMemberRole']>,
): Promise<Member> {
  return store.changeMemberRole({ actorId, channelId, userId, role, at: clock.now() });
}
