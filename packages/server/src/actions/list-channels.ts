import type { ChannelView, Endpoints, QueryOf } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** The actor's channels, or the public ones they could join. */
export async function listChannels(
  { store }: Pick<Services, 'store'>,
  { userId }: Actor,
  { discover }: QueryOf<Endpoints['listChannels']>,
): Promise<{ channels: ChannelView[] }> {
  return {
    channels: await (discover === 'true' ? store.discoverChannels({ userId }) : store.listMyChannels({ userId })),
  };
}
