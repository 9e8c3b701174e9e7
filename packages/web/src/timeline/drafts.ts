/** What was typed and not sent, by channel, for as long as the tab is open: it survives a reload. */
const KEY = 'parley.drafts';

interface Drafts {
  /** Whose they are; null until it is known. */
  owner: string | null;
  texts: Record<string, string>;
}

let drafts: Drafts = load();

export const draftOf = (channelId: string): string => drafts.texts[channelId] ?? '';

export const hasDrafts = (): boolean => Object.keys(drafts.texts).length > 0;

export function keepDraft(channelId: string, text: string): void {
  if (text === draftOf(channelId)) return;
  if (text === '') delete drafts.texts[channelId];
  else drafts.texts[channelId] = text;
  save();
}

/** Somebody is signed in: what another person left behind is forgotten. */
export function claimDrafts(owner: string): void {
  if (drafts.owner === owner) return;
  drafts = { owner, texts: {} };
  save();
}

/** Forgets them all: the next person at this browser must not find them. */
export function forgetDrafts(): void {
  drafts = { owner: null, texts: {} };
  save();
}

function load(): Drafts {
  const none: Drafts = { owner: null, texts: {} };
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Partial<Drafts> | null;
    if (typeof kept?.owner !== 'string' || typeof kept.texts !== 'object' || kept.texts === null) return none;
    const texts = Object.entries(kept.texts).filter(([, text]) => typeof text === 'string');
    return { owner: kept.owner, texts: Object.fromEntries(texts) };
  } catch {
    return none;
  }
}

function save(): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(drafts));
  } catch {
    // No room, or storage is switched off: then they last as long as the page.
  }
}
