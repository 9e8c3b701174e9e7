import { type BodyOf, type Endpoints, type MyChannel, newId } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** @throws channel_name_taken, user_not_found */
export function createChannel(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  actor: Actor,
  { name, kind, topic = '', members = [] }: BodyOf<Endpoints['createChannel']>,
): Promise<MyChannel> {
  const at = clock.now();
  return store.createChannel({ id: newId(), actorId: actor.userId, name, kind, topic, usernames: members, at });
}
