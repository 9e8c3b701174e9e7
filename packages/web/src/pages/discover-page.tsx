import type { ListedChannel } from '@parley/protocol';
import { Link } from '@tanstack/react-router';
import { Search } from 'lucide-react';
import { useId, useState } from 'react';
import { Button, buttonClass } from '../components/button.tsx';
import { ChannelGlyph } from '../components/channel-glyph.tsx';
import { FailureNotice } from '../components/failure-notice.tsx';
import { useChannels, useClient, useDirectory, useIsLoaded } from '../hooks/client-context.ts';
import { useOpenChannel } from '../hooks/use-open-channel.ts';
import { usePageTitle } from '../hooks/use-page-title.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { byName } from '../people/names.ts';
import { Pane } from './pane.tsx';

/** Every public channel, with the way in. The directory is live, so there is nothing to reload. */
export function DiscoverPage() {
  const directory = useDirectory();
  const loaded = useIsLoaded();
  const [sought, setSought] = useState('');
  usePageTitle('Discover channels');
  const wanted = sought.trim().toLocaleLowerCase();
  const found = [...directory.values()]
    .filter(({ name, topic }) => `${name}\n${topic}`.toLocaleLowerCase().includes(wanted))
    .sort((a, b) => byName(a.name, b.name));
  return (
    <Pane title="Discover channels" detail="Public channels, open to everybody here">
      <div className="min-h-0 grow overflow-y-auto overscroll-contain">
        <div className="mx-auto max-w-3xl px-4 py-5 pb-[max(1.25rem,env(safe-area-inset-bottom))] sm:px-6">
          <div className="relative">
            <Search
              aria-hidden="true"
              className="pointer-events-none absolute top-1/2 left-3.5 size-4.5 -translate-y-1/2 text-faint"
            />
            <input
              type="search"
              aria-label="Find a channel"
              placeholder="Find by name or topic"
              value={sought}
              onChange={(event) => setSought(event.target.value)}
              className="h-11 w-full rounded-lg border border-line-strong bg-raised pr-3 pl-10.5 placeholder:text-faint focus:border-accent focus:outline-2 focus:-outline-offset-1 focus:outline-accent pointer-coarse:text-base"
            />
          </div>
          <ul aria-label="Public channels" className="mt-3 flex flex-col">
            {found.map((channel) => (
              <Listing key={channel.id} channel={channel} />
            ))}
          </ul>
          {loaded && found.length === 0 && (
            <p className="px-1 py-8 text-center text-soft">
              {directory.size === 0 ? 'There are no public channels yet.' : 'No channel is called that.'}
            </p>
          )}
        </div>
      </div>
    </Pane>
  );
}

function Listing({ channel }: { channel: ListedChannel }) {
  const client = useClient();
  const openChannel = useOpenChannel();
  const joined = useChannels().has(channel.id);
  const nameId = useId();
  const { submit, pending, failure } = useSubmit(async () => {
    await client.rest.joinChannel({ params: { id: channel.id } });
    await openChannel(channel.id);
  });
  return (
    <li className="border-line py-3 not-first:border-t">
      <div className="flex min-h-11 items-center gap-3">
        <span className="text-soft">
          <ChannelGlyph kind="public" title={channel.name} />
        </span>
        <div className="min-w-0 grow leading-snug">
          <p id={nameId} className="truncate font-medium">
            {channel.name}
          </p>
          {channel.topic !== '' && <p className="line-clamp-2 text-sm text-soft wrap-anywhere">{channel.topic}</p>}
        </div>
        {joined ? (
          <Link
            to="/c/$channelId"
            params={{ channelId: channel.id }}
            aria-describedby={nameId}
            className={buttonClass('bare')}
          >
            Open
          </Link>
        ) : (
          <Button aria-describedby={nameId} onClick={() => void submit()} busy={pending}>
            Join
          </Button>
        )}
      </div>
      {failure && (
        <div className="pt-2">
          <FailureNotice failure={failure} />
        </div>
      )}
    </li>
  );
}
