import type { Snapshot } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import type { Services } from './services.ts';

/** Everything a client starts from, with the cursors it was taken at (rule R2). */
export function bootstrap({ store }: Pick<Services, 'store'>, { userId }: Actor): Promise<Snapshot> {
  return store.bootstrap({ userId });
}
