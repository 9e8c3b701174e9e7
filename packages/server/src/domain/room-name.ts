/** What the API log calls a channel: its name, or the end of its id where it has none. */
export function roomName(channelId: string, name: string | null): string {
  return `chat_${name ?? `direct_${channelId.slice(-8)}`}`;
}
