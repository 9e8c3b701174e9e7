import type { ChannelView } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** @throws channel_not_found */
export function getChannel(
  { store }: Pick<Services, 'store'>,
  { userId }: Actor,
  channelId: string,
): Promise<ChannelView> {
  return store.getChannel({ userId, channelId });
}
