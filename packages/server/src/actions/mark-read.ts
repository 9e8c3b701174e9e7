import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** Moves the actor's read cursor forward. @throws channel_not_found, not_a_member */
export function markRead(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { userId }: Actor,
  channelId: string,
  seq: number,
): Promise<{ seq: number; unread: number }> {
  return store.advanceRead({ userId, channelId, seq, at: clock.now() });
}
