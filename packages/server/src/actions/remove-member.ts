import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** Once this resolves, the removed person reads and receives nothing more (rule A1). @throws forbidden, user_not_found */
export function removeMember(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { userId: actorId }: Actor,
  channelId: string,
  userId: string,
): Promise<void> {
  return store.removeMember({ actorId, channelId, userId, at: clock.now() });
}
