import type { Message, MyChannel } from '@parley/protocol';
import { useEffect, useState } from 'react';
import { countNewer } from '../timeline/rows.ts';
import { useClient, useMe } from './client-context.ts';
import { usePageVisible } from './use-page-visible.ts';

interface ReadingInput {
  readonly channel: MyChannel;
  readonly messages: readonly Message[];
  /** The end of the messages is on screen. */
  readonly atEnd: boolean;
}

interface Reading {
  /** The read cursor when the channel was opened; null where nothing was unread. */
  readonly unreadAfter: number | null;
  /** How many messages of others came since the end was last on screen. */
  readonly newer: number;
}

/** Follows how far the person has read, and tells the server: what is at the end, on screen, in a visible page. */
export function useReading({ channel, messages, atEnd }: ReadingInput): Reading {
  const client = useClient();
  const me = useMe()?.id ?? '';
  const visible = usePageVisible();
  const [unreadAfter] = useState(() => (channel.unread > 0 ? channel.readSeq : null));
  const latest = messages.at(-1)?.seq ?? 0;
  const [seen, setSeen] = useState(latest);

  if (atEnd && seen !== latest) setSeen(latest);

  const { id, readSeq } = channel;
  const reads = atEnd && visible && latest > readSeq;
  useEffect(() => {
    if (reads) client.markRead(id, latest);
  }, [client, reads, id, latest]);

  return { unreadAfter, newer: atEnd ? 0 : countNewer(messages, seen, me) };
}
