import type { Outgoing } from '@parley/client';
import { CircleAlert } from 'lucide-react';
import { type MouseEvent, memo } from 'react';
import { useClient, useConnection } from '../hooks/client-context.ts';
import { useSecondsUntil } from '../hooks/use-now.ts';
import type { MessageRow } from '../timeline/rows.ts';
import { clockTime, fullTime } from '../timeline/times.ts';
import { Monogram } from './monogram.tsx';

interface MessageItemProps {
  readonly row: MessageRow;
  readonly author: string;
  readonly mine: boolean;
}

/** One message: with its author where it begins a group, else with its time in the margin. */
export const MessageItem = memo(function MessageItem({ row, author, mine }: MessageItemProps) {
  return (
    <article
      aria-label={`${author}, ${clockTime(row.at)}`}
      className={`group/message grid grid-cols-[2.25rem_minmax(0,1fr)] gap-x-3 ${row.startsGroup ? 'pt-4' : 'pt-1'}`}
    >
      {row.startsGroup ? (
        <Monogram name={author} mine={mine} />
      ) : (
        <time
          dateTime={row.at}
          title={fullTime(row.at)}
          className="text-right text-[0.6875rem] leading-6 whitespace-nowrap text-faint opacity-0 tabular-nums group-hover/message:opacity-100"
        >
          {clockTime(row.at).replace(/\s?[AP]M$/i, '')}
        </time>
      )}
      <div className="min-w-0">
        {row.startsGroup && (
          <h3 className="flex items-baseline gap-2 pb-0.5 leading-5">
            <span className={`truncate font-semibold ${mine ? 'text-accent' : ''}`}>{author}</span>
            <time dateTime={row.at} title={fullTime(row.at)} className="shrink-0 text-xs text-faint tabular-nums">
              {clockTime(row.at)}
            </time>
          </h3>
        )}
        {/* Clipped, since marks can be piled on one letter until they cover what others wrote. */}
        <p dir="auto" className="overflow-hidden leading-6 wrap-anywhere whitespace-pre-wrap">
          {row.body}
        </p>
        {row.outgoing && <OutgoingStatus id={row.key} status={row.outgoing} />}
      </div>
    </article>
  );
});

function OutgoingStatus({ id, status }: { id: string; status: Outgoing['status'] }) {
  switch (status.kind) {
    case 'sending':
      return <Sending />;
    case 'throttled':
      return <Throttled retryAt={status.retryAt} />;
    case 'failed':
      return <Failed id={id} title={status.title} />;
  }
}

function Sending() {
  const online = useConnection().status === 'online';
  return <div className="appear-late text-sm text-faint">{online ? 'Sending…' : 'Waiting for the connection…'}</div>;
}

function Throttled({ retryAt }: { retryAt: number }) {
  const seconds = useSecondsUntil(retryAt);
  return (
    <div className="text-sm text-faint tabular-nums">
      A little fast: {seconds > 0 ? `sending in ${seconds}\u00a0s` : 'sending…'}
    </div>
  );
}

function Failed({ id, title }: { id: string; title: string }) {
  const client = useClient();
  return (
    <div className="flex gap-2 text-sm text-danger">
      <CircleAlert aria-hidden="true" className="mt-2 size-4 shrink-0" />
      <div className="flex min-w-0 flex-wrap items-center gap-x-1">
        <span role="alert" className="mr-2 py-1.5">
          Not sent. {title}
        </span>
        <span className="-ml-2 flex gap-1">
          <FailedAction name="Retry" onClick={() => client.retry(id)} />
          <FailedAction name="Delete" onClick={() => client.discard(id)} />
        </span>
      </div>
    </div>
  );
}

function FailedAction({ name, onClick }: { name: string; onClick: () => void }) {
  const act = (event: MouseEvent<HTMLElement>) => {
    // The button goes with the failure: the focus stays with the messages.
    event.currentTarget.closest('section')?.focus({ preventScroll: true });
    onClick();
  };
  return (
    <button type="button" onClick={act} className="min-h-8 rounded-md px-2 font-semibold hover:bg-danger-wash">
      {name}
    </button>
  );
}
