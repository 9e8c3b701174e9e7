import type { Message } from '@parley/protocol';
import { useEffect, useRef, useState } from 'react';
import { useMe, useUsers } from '../hooks/client-context.ts';
import { nameOf } from '../people/names.ts';

const MOST_READ_OUT = 160;

/** Reads new messages of others in the open channel to people who do not see the screen; silent for everything else. */
export function MessageAnnouncer({ messages }: { messages: readonly Message[] }) {
  const users = useUsers();
  const me = useMe()?.id;
  const [announced, setAnnounced] = useState('');
  const latest = messages.at(-1);
  const known = useRef(latest?.seq ?? 0);
  useEffect(() => {
    if (latest === undefined || latest.seq <= known.current) return;
    known.current = latest.seq;
    if (latest.authorId === me) return;
    const { body } = latest;
    const short = body.length > MOST_READ_OUT ? `${body.slice(0, MOST_READ_OUT)}…` : body;
    setAnnounced(`${nameOf(users, latest.authorId)}: ${short}`);
  }, [latest, me, users]);
  return (
    <p aria-live="polite" className="sr-only">
      {announced}
    </p>
  );
}
