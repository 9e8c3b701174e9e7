import type { MyChannel } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** @throws channel_not_found, channel_archived */
export function joinChannel(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { userId }: Actor,
  channelId: string,
): Promise<MyChannel> {
  return store.joinChannel({ userId, channelId, at: clock.now() });
}
