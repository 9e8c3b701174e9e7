import { ArrowUp } from 'lucide-react';
import { type KeyboardEvent, type RefObject, useEffect, useId, useLayoutEffect, useState } from 'react';
import { useClient } from '../hooks/client-context.ts';
import { draftOf, keepDraft } from '../timeline/drafts.ts';

/** Most characters that a message may have, as the server counts them. */
const MOST_CHARACTERS = 8_000;
/** From how many left on the count is shown. */
const NEAR_THE_END = 500;

interface ComposerProps {
  readonly channelId: string;
  readonly title: string;
  readonly field: RefObject<HTMLTextAreaElement | null>;
}

/** Where messages are written. It never locks: what is sent waits in the outbox, not here. */
export function Composer({ channelId, title, field }: ComposerProps) {
  const client = useClient();
  const [text, setText] = useState(() => draftOf(channelId));
  const helpId = useId();
  const body = text.trim();
  const left = body.length > MOST_CHARACTERS - NEAR_THE_END ? MOST_CHARACTERS - [...body].length : null;
  const showsCount = left !== null && left <= NEAR_THE_END;
  const tooLong = left !== null && left < 0;
  const canSend = body !== '' && !tooLong;

  useEffect(() => keepDraft(channelId, text), [channelId, text]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight}px`;
  }, [field, text]);

  const send = () => {
    field.current?.focus();
    if (!canSend) return;
    setText('');
    // A refusal is shown on the message itself, from the outbox, with Retry and Delete.
    client.send(channelId, body).catch(() => undefined);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method is composing, Enter chooses a word. On touch screens there is no Shift+Enter.
    const chooses = event.nativeEvent.isComposing || matchMedia('(pointer: coarse)').matches;
    if (event.key !== 'Enter' || event.shiftKey || chooses) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      className="relative rounded-2xl border border-line-strong bg-raised transition-colors focus-within:border-accent focus-within:shadow-[0_0_0_1px_var(--accent)]"
    >
      <div className="flex items-end gap-1 p-1.5">
        <textarea
          ref={field}
          aria-label="Message"
          aria-describedby={showsCount ? helpId : undefined}
          aria-invalid={tooLong}
          placeholder={`Write to ${title}`}
          rows={1}
          value={text}
          dir="auto"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          className="max-h-[40dvh] min-h-10 w-full resize-none bg-transparent px-3 py-2 leading-6 outline-none placeholder:text-faint pointer-coarse:text-base"
        />
        <button
          type="submit"
          aria-label="Send"
          title="Send"
          aria-disabled={!canSend}
          className="inline-flex size-10 shrink-0 items-center justify-center rounded-xl bg-accent text-accent-ink transition-colors not-aria-disabled:hover:bg-accent-hover aria-disabled:cursor-default! aria-disabled:bg-hover aria-disabled:text-faint"
        >
          <ArrowUp aria-hidden="true" className="size-5" strokeWidth={2.25} />
        </button>
      </div>
      {showsCount && (
        <p
          id={helpId}
          role="status"
          className={`px-4.5 pb-2.5 text-sm tabular-nums ${tooLong ? 'font-medium text-danger' : 'text-faint'}`}
        >
          {tooLong
            ? `${-left} characters over the limit of ${MOST_CHARACTERS.toLocaleString()}`
            : `${left} characters left`}
        </p>
      )}
    </form>
  );
}
