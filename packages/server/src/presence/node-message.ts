/** People of whom something is said, by what they are now. */
export interface States {
  readonly online: readonly string[];
  readonly away: readonly string[];
  readonly offline: readonly string[];
}

/** What nodes tell each other. A node's news are numbered from 1: whoever has missed some asks for all. */
export type NodeMessage =
  /** It lives, and so many news has it told. Beats are numbered too, so that a repeated one proves nothing. */
  | { readonly kind: 'beat'; readonly beat: number; readonly news: number }
  | ({ readonly kind: 'news'; readonly news: number } & States)
  /** "Tell me all that you know." */
  | { readonly kind: 'ask' }
  /** The answer, in parts, as it stands after so many news. Whoever is not named is offline. */
  | ({ readonly kind: 'all'; readonly news: number; readonly part: number; readonly parts: number } & States);

/** Reads a message that one of our nodes has signed; null where it is none that this version knows. */
export function readNodeMessage(text: string): NodeMessage | null {
  const value = parseObject(text);
  if (value === null) return null;
  const { kind, beat, news, part, parts, online, away, offline } = value;
  switch (kind) {
    case 'beat':
      return isCount(beat) && isCount(news) ? { kind, beat, news } : null;
    case 'news':
      return isCount(news) && areIds(online) && areIds(away) && areIds(offline)
        ? { kind, news, online, away, offline }
        : null;
    case 'ask':
      return { kind };
    case 'all':
      return isCount(news) && isCount(part) && isCount(parts) && areIds(online) && areIds(away) && areIds(offline)
        ? { kind, news, part, parts, online, away, offline }
        : null;
    default:
      return null;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function areIds(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((id) => typeof id === 'string' && id.length === 36);
}
