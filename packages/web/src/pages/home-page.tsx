import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { Button, buttonClass } from '../components/button.tsx';
import { ChannelGlyph } from '../components/channel-glyph.tsx';
import { CreateChannelDialog } from '../components/create-channel-dialog.tsx';
import { useChannels, useIsLoaded, useMe, useUsers } from '../hooks/client-context.ts';
import { usePageTitle } from '../hooks/use-page-title.ts';
import { titleOf } from '../people/names.ts';

/** What one sees before choosing a channel: what is unread, or how to begin. */
export function HomePage() {
  const me = useMe();
  const users = useUsers();
  const channels = useChannels();
  const loaded = useIsLoaded();
  const [creating, setCreating] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  usePageTitle(null);
  const shown = loaded && me !== null;
  useEffect(() => {
    if (shown) heading.current?.focus({ preventScroll: true });
  }, [shown]);
  if (!shown) return null;

  const unread = [...channels.values()].filter((channel) => channel.unread > 0).sort((a, b) => b.unread - a.unread);
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto flex min-h-full max-w-lg flex-col justify-center gap-6 px-8 py-16">
        <div>
          <h1
            ref={heading}
            tabIndex={-1}
            className="outline-none font-serif text-[2rem] leading-tight font-semibold tracking-tight wrap-anywhere"
          >
            Hello, {me.displayName}
          </h1>
          <p className="mt-2 text-base text-soft">
            {channels.size === 0
              ? 'It is quiet here. Start a channel, or see which ones there are already.'
              : unread.length === 0
                ? 'You have read everything. Choose a channel to go on.'
                : 'This came in while you were away.'}
          </p>
        </div>
        {unread.length > 0 && (
          <ul aria-label="Unread" className="flex flex-col border-y border-line">
            {unread.slice(0, 6).map((channel) => {
              const title = titleOf(channel, users, me.id);
              return (
                <li key={channel.id} className="border-line not-first:border-t">
                  <Link
                    to="/c/$channelId"
                    params={{ channelId: channel.id }}
                    className="-mx-3 flex min-h-13 items-center gap-3 rounded-lg px-3 hover:bg-hover"
                  >
                    <ChannelGlyph kind={channel.kind} title={title} />
                    <span className="min-w-0 grow truncate font-medium">{title}</span>
                    <span className="text-sm text-accent tabular-nums">{channel.unread} new</span>
                  </Link>
                </li>
              );
            })}
          </ul>
        )}
        <div className="flex flex-wrap gap-2.5">
          <Button look={channels.size === 0 ? 'primary' : 'quiet'} onClick={() => setCreating(true)}>
            Create a channel
          </Button>
          <Link to="/discover" className={buttonClass()}>
            See all channels
          </Link>
        </div>
      </div>
      <CreateChannelDialog open={creating} onClose={() => setCreating(false)} />
    </div>
  );
}
