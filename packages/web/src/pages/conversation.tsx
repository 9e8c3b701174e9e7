import type { MyChannel } from '@parley/protocol';
import { UserPlus, Users } from 'lucide-react';
import { useCallback, useMemo, useRef, useState } from 'react';
import { AddPeopleDialog } from '../components/add-people-dialog.tsx';
import { Button } from '../components/button.tsx';
import { ChannelGlyph } from '../components/channel-glyph.tsx';
import { Composer } from '../components/composer.tsx';
import { LeaveChannelDialog } from '../components/leave-channel-dialog.tsx';
import { MembersDialog } from '../components/members-dialog.tsx';
import { MessageAnnouncer } from '../components/message-announcer.tsx';
import { MessageList } from '../components/message-list.tsx';
import { PRESENCE_WORDS } from '../components/presence-dot.tsx';
import { useMe, usePresence, useUsers } from '../hooks/client-context.ts';
import { useHistory } from '../hooks/use-history.ts';
import { usePageTitle } from '../hooks/use-page-title.ts';
import { useReading } from '../hooks/use-reading.ts';
import { otherIn, titleOf } from '../people/names.ts';
import { draftOf } from '../timeline/drafts.ts';
import { ConversationBeginning } from './conversation-beginning.tsx';
import { HistoryFailed, HistoryLoading } from './history-states.tsx';
import { Pane } from './pane.tsx';

/** In the composer's place. What was being written when the channel was archived can still be read and copied. */
function ArchivedNotice({ channelId }: { channelId: string }) {
  const draft = draftOf(channelId);
  return (
    <div className="rounded-2xl bg-sunken px-4 py-3.5 text-center text-soft">
      <p>This channel is archived: it can be read, not written to.</p>
      {draft !== '' && (
        <label className="mt-3 flex flex-col gap-1.5 text-left text-sm">
          Your draft, not sent
          <textarea
            readOnly
            rows={2}
            dir="auto"
            value={draft}
            className="max-h-[30dvh] w-full resize-y rounded-lg border border-line bg-raised px-3 py-2 text-base text-ink"
          />
        </label>
      )}
    </div>
  );
}

type OpenDialog = 'members' | 'add' | 'leave' | null;

/** A channel that one is in: its messages and where to write the next. Made anew for each channel. */
export function Conversation({ channel }: { channel: MyChannel }) {
  const users = useUsers();
  const me = useMe()?.id ?? '';
  const composer = useRef<HTMLTextAreaElement>(null);
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const [atEnd, setAtEnd] = useState(true);
  const history = useHistory(channel.id);
  const { unreadAfter, newer } = useReading({ channel, messages: history.messages, atEnd });
  const title = titleOf(channel, users, me);
  const presence = usePresence(otherIn(channel, me));
  const rows = useMemo(() => history.rowsFor({ me, unreadAfter }), [history, me, unreadAfter]);
  usePageTitle(title);
  const close = useCallback(() => setDialog(null), []);

  return (
    <Pane
      focusFirst={channel.archived ? undefined : composer}
      title={
        <>
          <ChannelGlyph kind={channel.kind} title={title} presence={presence} />
          <span className="truncate">{title}</span>
        </>
      }
      detail={channel.topic || (presence && PRESENCE_WORDS[presence])}
      actions={
        <>
          <Button
            look="bare"
            onClick={() => setDialog('members')}
            aria-label={`Members, ${channel.memberCount}`}
            className="px-3!"
          >
            <Users aria-hidden="true" className="size-4.5" />
            <span className="tabular-nums">{channel.memberCount}</span>
          </Button>
          {channel.kind !== 'direct' && !channel.archived && (
            <Button onClick={() => setDialog('add')} className="max-sm:size-10 max-sm:px-0!">
              <UserPlus aria-hidden="true" className="size-4.5" />
              <span className="max-sm:sr-only">Add people</span>
            </Button>
          )}
        </>
      }
    >
      {history.state === 'loading' && <HistoryLoading />}
      {history.state === 'failed' && <HistoryFailed failure={history.failure} onRetry={history.loadOlder} />}
      {history.state === 'shown' && (
        <MessageList
          label={`Messages in ${title}`}
          rows={rows}
          beginning={<ConversationBeginning channel={channel} title={title} />}
          complete={history.complete}
          loadingOlder={history.pending}
          olderFailure={history.failure}
          onLoadOlder={history.loadOlder}
          newer={newer}
          onAtEndChange={setAtEnd}
        />
      )}
      <MessageAnnouncer messages={history.messages} />
      <div className="mx-auto w-full max-w-3xl shrink-0 px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:px-6 sm:pb-[max(1.25rem,env(safe-area-inset-bottom))]">
        {channel.archived ? (
          <ArchivedNotice channelId={channel.id} />
        ) : (
          <Composer channelId={channel.id} title={title} field={composer} />
        )}
      </div>
      <MembersDialog
        channel={channel}
        title={title}
        open={dialog === 'members'}
        onClose={close}
        onLeave={() => setDialog('leave')}
      />
      <AddPeopleDialog channel={channel} open={dialog === 'add'} onClose={close} />
      <LeaveChannelDialog channel={channel} open={dialog === 'leave'} onClose={close} />
    </Pane>
  );
}
