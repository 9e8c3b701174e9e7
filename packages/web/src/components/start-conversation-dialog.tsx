import { type FormEvent, useState } from 'react';
import { useClient } from '../hooks/client-context.ts';
import { useOpenChannel } from '../hooks/use-open-channel.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { parseUsernames } from '../people/names.ts';
import { Button } from './button.tsx';
import { FailureNotice, fieldError } from './failure-notice.tsx';
import { Modal, ModalActions } from './modal.tsx';
import { PeopleField } from './people-field.tsx';

export function StartConversationDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Modal
      open={open}
      onClose={onClose}
      title="New conversation"
      description="Between you and up to nine others. The same people always share the same conversation."
    >
      <StartConversationForm onClose={onClose} />
    </Modal>
  );
}

function StartConversationForm({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const openChannel = useOpenChannel();
  const [people, setPeople] = useState('');
  const usernames = parseUsernames(people);
  const { submit, pending, failure } = useSubmit(async () => {
    const conversation = await client.rest.startConversation({ body: { usernames } });
    onClose();
    await openChannel(conversation.id);
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void submit();
  };
  return (
    <form onSubmit={onSubmit} className="flex flex-col gap-5">
      <PeopleField label="Usernames" value={people} onChange={setPeople} error={fieldError(failure, 'usernames')} />
      <FailureNotice failure={failure} fields={['usernames']} />
      <ModalActions>
        <Button look="primary" type="submit" busy={pending} disabled={usernames.length === 0}>
          Start conversation
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </ModalActions>
    </form>
  );
}
