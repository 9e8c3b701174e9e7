import type { MyChannel } from '@parley/protocol';
import { Link, useNavigate } from '@tanstack/react-router';
import { CircleAlert, Compass, LogOut, Plus } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import {
  useChannels,
  useDirectory,
  useIsLoaded,
  useMe,
  useOutbox,
  usePresence,
  useSession,
  useUsers,
} from '../hooks/client-context.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { useWatch } from '../hooks/use-watch.ts';
import { byName, otherIn, titleOf } from '../people/names.ts';
import { IconButton } from './button.tsx';
import { ChannelGlyph } from './channel-glyph.tsx';
import { CreateChannelDialog } from './create-channel-dialog.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { Monogram } from './monogram.tsx';
import { PresenceWord } from './presence-dot.tsx';
import { StartConversationDialog } from './start-conversation-dialog.tsx';
import { Wordmark } from './wordmark.tsx';

const ENTRY =
  'flex min-h-10 items-center gap-2.5 rounded-lg px-2.5 transition-colors hover:bg-hover hover:text-ink aria-[current=page]:bg-accent-wash aria-[current=page]:text-ink';

/** The left pane: my channels and conversations, the way to more of them, and who I am. */
export function ChannelList() {
  const channels = useChannels();
  const users = useUsers();
  const me = useMe();
  const loaded = useIsLoaded();
  const [dialog, setDialog] = useState<'channel' | 'conversation' | null>(null);
  const close = () => setDialog(null);
  const entries = [...channels.values()]
    .map((channel) => {
      const other = otherIn(channel, me?.id ?? '');
      return { channel, other, title: titleOf(channel, users, me?.id ?? '') };
    })
    .sort((a, b) => byName(a.title, b.title));
  const named = entries.filter(({ channel }) => channel.kind !== 'direct');
  const direct = entries.filter(({ channel }) => channel.kind === 'direct');

  useWatch(direct.flatMap(({ other }) => other ?? []));

  return (
    <nav aria-label="Channels" className="flex h-full flex-col bg-sunken pl-[env(safe-area-inset-left)]">
      <div className="pt-safe flex min-h-16 shrink-0 items-center px-5">
        <Link to="/" className="rounded-lg py-1.5" aria-label="Parley, home">
          <Wordmark />
        </Link>
      </div>
      <div className="min-h-0 grow overflow-y-auto overscroll-contain px-3 pb-6">
        <Section
          title="Channels"
          action={
            <IconButton label="Create channel" onClick={() => setDialog('channel')}>
              <Plus aria-hidden="true" className="size-4.5" />
            </IconButton>
          }
        >
          {loaded ? named.map((entry) => <Entry key={entry.channel.id} {...entry} />) : <EntriesLoading />}
          {loaded && named.length === 0 && (
            <li className="px-2.5 py-1.5 text-sm text-faint">You are in no channel yet.</li>
          )}
          {loaded && <LeftBehind />}
          <li>
            <Link to="/discover" className={`${ENTRY} text-soft`}>
              <span className="inline-flex size-6 shrink-0 items-center justify-center">
                <Compass aria-hidden="true" className="size-4.5" />
              </span>
              Discover channels
            </Link>
          </li>
        </Section>
        <Section
          title="Direct"
          action={
            <IconButton label="New conversation" onClick={() => setDialog('conversation')}>
              <Plus aria-hidden="true" className="size-4.5" />
            </IconButton>
          }
        >
          {direct.map((entry) => (
            <Entry key={entry.channel.id} {...entry} />
          ))}
          {loaded && direct.length === 0 && <li className="px-2.5 py-1.5 text-sm text-faint">No conversations yet.</li>}
        </Section>
      </div>
      <Me />
      <CreateChannelDialog open={dialog === 'channel'} onClose={close} />
      <StartConversationDialog open={dialog === 'conversation'} onClose={close} />
    </nav>
  );
}

function Section({ title, action, children }: { title: string; action: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <div className="mt-3 first:mt-0">
      <div className="flex items-center justify-between pl-2.5">
        <h2 id={id} className="text-sm font-semibold text-faint">
          {title}
        </h2>
        {action}
      </div>
      <ul aria-labelledby={id} className="flex flex-col gap-px">
        {children}
      </ul>
    </div>
  );
}

interface EntryProps {
  readonly channel: MyChannel;
  readonly title: string;
  /** Where it is a conversation of two. */
  readonly other: string | null;
}

function Entry({ channel, title, other }: EntryProps) {
  const unread = channel.unread > 0;
  const failed = useOutbox().some(({ channelId, status }) => channelId === channel.id && status.kind === 'failed');
  const presence = usePresence(other);
  return (
    <li>
      <Link
        to="/c/$channelId"
        params={{ channelId: channel.id }}
        className={`${ENTRY} ${unread ? 'font-semibold text-ink' : 'text-soft'}`}
      >
        <ChannelGlyph kind={channel.kind} title={title} presence={presence} />
        <span className={`min-w-0 grow truncate ${channel.archived ? 'italic' : ''}`}>
          {title}
          <PresenceWord state={presence} />
        </span>
        {failed && (
          <>
            <CircleAlert aria-hidden="true" className="size-4 shrink-0 text-danger" />
            <span className="sr-only">, not everything was sent</span>
          </>
        )}
        {unread && (
          <span className="shrink-0 rounded-full bg-accent px-2 text-xs leading-5 font-semibold text-accent-ink tabular-nums">
            <span aria-hidden="true">{channel.unread > 999 ? '999+' : channel.unread}</span>
            <span className="sr-only">, {channel.unread} unread</span>
          </span>
        )}
      </Link>
    </li>
  );
}

/** The channels that one is not in any more, while something that one wrote there is still to be told about. */
function LeftBehind() {
  const channels = useChannels();
  const directory = useDirectory();
  const outbox = useOutbox();
  const ids = [...new Set(outbox.map(({ channelId }) => channelId))].filter((id) => !channels.has(id));
  return ids.map((id) => (
    <li key={id}>
      <Link to="/c/$channelId" params={{ channelId: id }} className={`${ENTRY} text-soft italic`}>
        <span className="inline-flex size-6 shrink-0 items-center justify-center">
          <CircleAlert aria-hidden="true" className="size-4.5 text-danger" />
        </span>
        <span className="min-w-0 grow truncate">{directory.get(id)?.name ?? 'Not sent'}</span>
      </Link>
    </li>
  ));
}

function EntriesLoading() {
  return ['w-24', 'w-36', 'w-28'].map((width) => (
    <li key={width} aria-hidden="true" className="appear-late flex min-h-10 items-center gap-2.5 px-2.5">
      <span className="pulse-calmly size-5 rounded bg-hover" />
      <span className={`pulse-calmly h-3 rounded bg-hover ${width}`} />
    </li>
  ));
}

function Me() {
  const me = useMe();
  const session = useSession();
  const navigate = useNavigate();
  const { submit, pending, failure } = useSubmit(async () => {
    // Whoever signs in next begins at the beginning, not where this person was.
    await navigate({ to: '/' });
    await session.signOut();
  });
  return (
    <div className="border-t border-line px-3 pt-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
      <FailureNotice failure={failure} />
      <div className="flex min-h-12 items-center gap-3 pl-2">
        {me && (
          <>
            <Monogram name={me.displayName} mine />
            <span className="min-w-0 grow leading-tight">
              <span className="block truncate font-medium">{me.displayName}</span>
              <span className="block truncate text-sm text-faint">@{me.username}</span>
            </span>
          </>
        )}
        <IconButton label="Sign out" onClick={() => void submit()} aria-busy={pending} className="ml-auto">
          <LogOut aria-hidden="true" className="size-4.5" />
        </IconButton>
      </div>
    </div>
  );
}
