import type { Actor } from '../domain/actor.ts';

/** Those among some people whom somebody may see, and so watch: everybody of the workspace, as the snapshot has it. */
export function visiblePeople(_actor: Actor, userIds: readonly string[]): readonly string[] {
  return userIds;
}
