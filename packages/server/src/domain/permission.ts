import type { ChannelKind, ChannelRole } from '@parley/protocol';

/** What somebody may want to do in a channel. */
export type Verb =
  | 'read'
  | 'join'
  | 'post'
  | 'add-members'
  | 'edit-channel'
  | 'archive-channel'
  | 'remove-member'
  | 'remove-moderator'
  | 'change-roles';

/** What somebody is to a channel: a role in it, or `outsider`. */
export type Standing = ChannelRole | 'outsider';

const PUBLIC_OUTSIDER: readonly Verb[] = ['join'];
const MEMBER: readonly Verb[] = ['read', 'post', 'add-members'];
const MODERATOR: readonly Verb[] = [...MEMBER, 'edit-channel', 'remove-member'];
const OWNER: readonly Verb[] = [...MODERATOR, 'archive-channel', 'remove-moderator', 'change-roles'];

/** The one table of rights: who may do what in which kind of channel. What is not listed is refused. */
const RIGHTS: Record<ChannelKind, Record<Standing, readonly Verb[]>> = {
  public: { outsider: PUBLIC_OUTSIDER, member: MEMBER, moderator: MODERATOR, owner: OWNER },
  private: { outsider: [], member: MEMBER, moderator: MODERATOR, owner: OWNER },
  direct: { outsider: [], member: ['read', 'post'], moderator: ['read', 'post'], owner: ['read', 'post'] },
};

/** Whether somebody of this standing may do this in a channel of this kind. */
export function can(standing: Standing, verb: Verb, kind: ChannelKind): boolean {
  return RIGHTS[kind][standing].includes(verb);
}

/** Whether a channel shows itself, its name and topic, to somebody of this standing. */
export function isVisible(standing: Standing, kind: ChannelKind): boolean {
  return standing !== 'outsider' || kind === 'public';
}

/** What removing somebody of this role asks for. */
export function verbToRemove(role: ChannelRole): Verb {
  return role === 'member' ? 'remove-member' : 'remove-moderator';
}
