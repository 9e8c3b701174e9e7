import type { MyChannel } from '@parley/protocol';
import { type FormEvent, useEffect, useState } from 'react';
import { useClient } from '../hooks/client-context.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { parseUsernames } from '../people/names.ts';
import { Button } from './button.tsx';
import { FailureNotice, fieldError } from './failure-notice.tsx';
import { Modal, ModalActions } from './modal.tsx';
import { PeopleField } from './people-field.tsx';

interface AddPeopleDialogProps {
  readonly channel: MyChannel;
  readonly open: boolean;
  readonly onClose: () => void;
}

export function AddPeopleDialog({ channel, open, onClose }: AddPeopleDialogProps) {
  return (
    <Modal
      open={open}
      onClose={onClose}
      title={`Add people to ${channel.name}`}
      description="They see everything that has been written here, from the beginning."
    >
      <AddPeopleForm channel={channel} onClose={onClose} />
    </Modal>
  );
}

function AddPeopleForm({ channel, onClose }: { channel: MyChannel; onClose: () => void }) {
  const client = useClient();
  const [people, setPeople] = useState('');
  const [already, setAlready] = useState<readonly string[]>([]);
  const [members, setMembers] = useState<ReadonlySet<string>>(new Set());
  const usernames = parseUsernames(people);
  // Where this fails, or there are more of them, members are merely suggested too.
  const { submit: loadMembers } = useSubmit(async () => {
    const page = await client.rest.listMembers({ params: { id: channel.id }, query: { limit: '500' } });
    setMembers(new Set(page.members.map(({ user }) => user.id)));
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, as the dialog opens
  useEffect(() => {
    void loadMembers();
  }, []);
  const { submit, pending, failure } = useSubmit(async () => {
    setAlready([]);
    const answer = await client.rest.addMembers({ params: { id: channel.id }, body: { usernames } });
    if (answer.added.length > 0) onClose();
    else setAlready(answer.already);
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void submit();
  };
  return (
    <form onSubmit={onSubmit} className="flex flex-col gap-5">
      <PeopleField
        label="Usernames"
        value={people}
        onChange={setPeople}
        error={fieldError(failure, 'usernames')}
        except={members}
      />
      <FailureNotice failure={failure} fields={['usernames']} />
      {already.length > 0 && (
        <p role="status" className="rounded-lg bg-accent-wash px-3 py-2.5">
          Already here: {already.join(', ')}.
        </p>
      )}
      <ModalActions>
        <Button look="primary" type="submit" busy={pending} disabled={usernames.length === 0}>
          Add people
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </ModalActions>
    </form>
  );
}
