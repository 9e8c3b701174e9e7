/** What was typed and not sent, by channel, for as long as the page is open. */
const drafts = new Map<string, string>();

export const draftOf = (channelId: string): string => drafts.get(channelId) ?? '';

export function keepDraft(channelId: string, text: string): void {
  if (text === '') drafts.delete(channelId);
  else drafts.set(channelId, text);
}

/** Forgets them all: the next person at this browser must not find them. */
export function forgetDrafts(): void {
  drafts.clear();
}
