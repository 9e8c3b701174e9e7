import { type BodyOf, type Endpoints, type MyChannel, newId } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** Opens the direct conversation with these people, or finds the one there is. @throws user_not_found */
export function startConversation(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  actor: Actor,
  { usernames }: BodyOf<Endpoints['startConversation']>,
): Promise<{ channel: MyChannel; created: boolean }> {
  return store.startConversation({ id: newId(), actorId: actor.userId, usernames, at: clock.now() });
}
