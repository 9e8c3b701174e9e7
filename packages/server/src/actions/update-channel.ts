import type { BodyOf, ChannelView, Endpoints } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** @throws channel_not_found, forbidden, rev_conflict, channel_name_taken, channel_archived, direct_fixed */
export function updateChannel(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  actor: Actor,
  channelId: string,
  changes: BodyOf<Endpoints['updateChannel']>,
): Promise<ChannelView> {
  return store.updateChannel({ ...changes, actorId: actor.userId, channelId, at: clock.now() });
}
