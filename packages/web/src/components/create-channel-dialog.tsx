import { type FormEvent, useState } from 'react';
import { useClient } from '../hooks/client-context.ts';
import { useOpenChannel } from '../hooks/use-open-channel.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { parseUsernames } from '../people/names.ts';
import { Button } from './button.tsx';
import { FailureNotice, fieldError } from './failure-notice.tsx';
import { Modal, ModalActions } from './modal.tsx';
import { PeopleField } from './people-field.tsx';
import { TextField } from './text-field.tsx';

export function CreateChannelDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Modal open={open} onClose={onClose} title="New channel" description="A place for one subject, project or team.">
      <CreateChannelForm onClose={onClose} />
    </Modal>
  );
}

const KINDS = [
  { value: 'public', name: 'Public', meaning: 'Everybody here can find and join it.' },
  { value: 'private', name: 'Private', meaning: 'Only those who are added can see it.' },
] as const;

function CreateChannelForm({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const openChannel = useOpenChannel();
  const [name, setName] = useState('');
  const [topic, setTopic] = useState('');
  const [kind, setKind] = useState<'public' | 'private'>('public');
  const [members, setMembers] = useState('');
  const { submit, pending, failure } = useSubmit(async () => {
    const channel = await client.rest.createChannel({
      body: { name, kind, topic, members: parseUsernames(members) },
    });
    onClose();
    await openChannel(channel.id);
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void submit();
  };
  return (
    <form onSubmit={onSubmit} className="flex flex-col gap-5">
      <TextField
        label="Name"
        value={name}
        onChange={(event) => setName(event.target.value)}
        required
        maxLength={80}
        placeholder="garden-plans"
        autoComplete="off"
        error={fieldError(failure, 'name')}
      />
      <fieldset className="grid gap-2.5 sm:grid-cols-2">
        <legend className="mb-1.5 font-medium">Who can see it</legend>
        {KINDS.map(({ value, name: label, meaning }) => (
          <label
            key={value}
            className="flex cursor-pointer gap-3 rounded-lg border border-line px-3.5 py-3 hover:bg-hover has-checked:border-accent has-checked:bg-accent-wash has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name="kind"
              value={value}
              checked={kind === value}
              onChange={() => setKind(value)}
              className="mt-1 size-4 shrink-0 outline-none"
            />
            <span>
              <span className="block font-medium">{label}</span>
              <span className="block text-sm leading-snug text-soft">{meaning}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <TextField
        label="Topic"
        optional
        value={topic}
        onChange={(event) => setTopic(event.target.value)}
        maxLength={250}
        placeholder="What it is about"
        autoComplete="off"
        spellCheck
        autoCapitalize="sentences"
        error={fieldError(failure, 'topic')}
      />
      <PeopleField
        label="First members"
        optional
        value={members}
        onChange={setMembers}
        error={fieldError(failure, 'members')}
      />
      <FailureNotice failure={failure} fields={['name', 'topic', 'members']} />
      <ModalActions>
        <Button look="primary" type="submit" busy={pending}>
          Create channel
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </ModalActions>
    </form>
  );
}
