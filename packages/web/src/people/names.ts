import type { MyChannel, User } from '@parley/protocol';

type Users = ReadonlyMap<string, User>;

export const nameOf = (users: Users, userId: string): string => users.get(userId)?.displayName ?? 'Someone';

/** A channel's name; for a direct conversation, the names of the others in it. */
export function titleOf(channel: MyChannel, users: Users, me: string): string {
  if (channel.kind !== 'direct') return channel.name ?? 'Unnamed';
  const others = (channel.participants ?? []).filter((id) => id !== me).map((id) => nameOf(users, id));
  return others.length === 0 ? 'Notes to yourself' : others.sort(byName).join(', ');
}

/** The other one in a conversation of two. */
export function otherIn(channel: MyChannel, me: string): string | null {
  const [other = null, ...more] = (channel.participants ?? []).filter((id) => id !== me);
  return more.length === 0 ? other : null;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
export const byName = collator.compare;

const letters = new Intl.Segmenter();
/** The first letter as people count them: an emoji or a letter with its marks is one. */
const firstLetter = (word: string): string => [...letters.segment(word)][0]?.segment ?? '';

/** One or two letters that stand for a person. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter((word) => word !== '');
  const [first = '?', last] = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return [first, last ?? ''].map(firstLetter).join('').toLocaleUpperCase();
}

/** The usernames in a text like `ana, @bo  chris`. */
export function parseUsernames(text: string): string[] {
  const names = text.split(/[\s,;]+/).map((name) => name.replace(/^@/, ''));
  return [...new Set(names.filter((name) => name !== ''))];
}
