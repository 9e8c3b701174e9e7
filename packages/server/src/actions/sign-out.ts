import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** Ends the actor's session: its tokens stop working at once, and its sockets are closed. */
export async function signOut({ store, clock }: Pick<Services, 'store' | 'clock'>, actor: Actor): Promise<void> {
  await store.endSession({ sessionId: actor.sessionId, reason: 'logout', at: clock.now() });
}
