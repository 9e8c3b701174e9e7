import { useState } from 'react';
import { useClient, useOutbox } from '../hooks/client-context.ts';
import { draftOf, keepDraft } from '../timeline/drafts.ts';
import { Button } from './button.tsx';

/** What was written to a channel that does not take it any more: kept in sight until its author lets go of it. */
export function UnsentWriting({ channelId }: { channelId: string }) {
  const client = useClient();
  const outbox = useOutbox().filter((outgoing) => outgoing.channelId === channelId);
  const [draft, setDraft] = useState(() => draftOf(channelId));
  if (outbox.length === 0 && draft === '') return null;
  const deleteDraft = () => {
    keepDraft(channelId, '');
    setDraft('');
  };
  return (
    <section
      aria-label="Not sent"
      className="flex w-full max-w-md flex-col gap-1 rounded-2xl border border-line bg-raised px-5 py-4 text-left"
    >
      <h2 className="font-semibold">What you wrote here was not sent</h2>
      <ul className="flex flex-col gap-3">
        {outbox.map(({ id, body, status }) => (
          <Unsent
            key={id}
            text={body}
            why={status.kind === 'failed' ? status.title : 'Waiting for the server’s answer…'}
            onDelete={status.kind === 'failed' ? () => client.discard(id) : null}
          />
        ))}
        {draft !== '' && <Unsent text={draft} why="Your draft." onDelete={deleteDraft} />}
      </ul>
    </section>
  );
}

function Unsent({ text, why, onDelete }: { text: string; why: string; onDelete: (() => void) | null }) {
  return (
    <li className="flex flex-col gap-1 border-line pt-3 not-first:border-t">
      <p
        dir="auto"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
        tabIndex={0}
        className="max-h-48 w-full overflow-y-auto wrap-anywhere whitespace-pre-wrap"
      >
        {text}
      </p>
      <div className="flex min-h-10 w-full items-center justify-between gap-3">
        <p className="text-sm text-soft">{why}</p>
        {onDelete && (
          <Button look="quietDanger" onClick={onDelete} className="text-sm">
            Delete
          </Button>
        )}
      </div>
    </li>
  );
}
