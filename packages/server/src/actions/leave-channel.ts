import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** @throws channel_not_found, not_a_member, direct_fixed */
export function leaveChannel(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { userId }: Actor,
  channelId: string,
): Promise<void> {
  return store.leaveChannel({ userId, channelId, at: clock.now() });
}
