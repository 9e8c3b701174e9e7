import { useEffect } from 'react';
import { useChannels } from './client-context.ts';

/** Names the page in the tab, with the unread messages of all channels in front. */
export function usePageTitle(name: string | null): void {
  const channels = useChannels();
  let unread = 0;
  for (const channel of channels.values()) unread += channel.unread;
  const title = `${unread > 0 ? `(${unread}) ` : ''}${name === null ? '' : `${name} · `}Parley`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
