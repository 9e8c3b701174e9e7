import type { Member, MyChannel } from '@parley/protocol';
import { LogOut } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useClient, useMe, usePresence } from '../hooks/client-context.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { useWatch } from '../hooks/use-watch.ts';
import { Button } from './button.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { Modal } from './modal.tsx';
import { Monogram } from './monogram.tsx';
import { PRESENCE_WORDS } from './presence-dot.tsx';

interface MembersDialogProps {
  readonly channel: MyChannel;
  readonly title: string;
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onLeave: () => void;
}

export function MembersDialog({ channel, title, open, onClose, onLeave }: MembersDialogProps) {
  return (
    <Modal open={open} onClose={onClose} title={`Members of ${title}`} description={channel.topic || undefined}>
      <div className="flex flex-col gap-5">
        {/* Anew when somebody comes or goes. */}
        <MemberList key={channel.memberCount} channel={channel} />
        {channel.kind !== 'direct' && (
          <div className="flex">
            <Button look="quietDanger" onClick={onLeave}>
              <LogOut aria-hidden="true" className="size-4" />
              Leave channel
            </Button>
          </div>
        )}
      </div>
    </Modal>
  );
}

function MemberList({ channel }: { channel: MyChannel }) {
  const client = useClient();
  const me = useMe();
  const [members, setMembers] = useState<readonly Member[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const { submit, pending, failure } = useSubmit(async (after: string | null) => {
    const page = await client.rest.listMembers({ params: { id: channel.id }, query: after === null ? {} : { after } });
    setMembers((before) => (after === null ? page.members : [...before, ...page.members]));
    setNext(page.next);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: once; the list is made anew where it changes
  useEffect(() => {
    void submit(null);
  }, []);

  useWatch(members.map(({ user }) => user.id));

  return (
    <>
      {members.length === 0 && failure === null && <MembersLoading count={channel.memberCount} />}
      <ul aria-label="Members" aria-busy={pending} className="flex flex-col gap-1">
        {members.map((member) => (
          <MemberEntry key={member.user.id} member={member} mine={member.user.id === me?.id} />
        ))}
      </ul>
      <FailureNotice failure={failure} />
      {(failure !== null || next !== null) && (
        <Button onClick={() => void submit(next)} busy={pending}>
          {failure === null ? 'Show more' : 'Try again'}
        </Button>
      )}
    </>
  );
}

function MemberEntry({ member: { user, role }, mine }: { member: Member; mine: boolean }) {
  const presence = usePresence(user.id);
  return (
    <li className="flex min-h-12 items-center gap-3">
      <Monogram name={user.displayName} mine={mine} presence={presence} />
      <span className="min-w-0 grow leading-tight">
        <span className="block truncate font-medium">
          {user.displayName}
          {mine && <span className="font-normal text-faint"> (you)</span>}
        </span>
        <span className="block truncate text-sm text-faint">
          @{user.username}
          {presence && ` · ${PRESENCE_WORDS[presence]}`}
        </span>
      </span>
      {role !== 'member' && <span className="text-sm text-soft">{role === 'owner' ? 'Owner' : 'Moderator'}</span>}
    </li>
  );
}

function MembersLoading({ count }: { count: number }) {
  return (
    <div role="status" className="appear-late flex flex-col gap-1">
      <span className="sr-only">Loading the members…</span>
      {Array.from({ length: Math.min(count, 5) }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they have nothing else to tell them apart
        <span key={row} className="pulse-calmly flex min-h-12 items-center gap-3">
          <span className="size-9 rounded-full bg-hover" />
          <span className="h-3 w-32 rounded bg-hover" />
        </span>
      ))}
    </div>
  );
}
