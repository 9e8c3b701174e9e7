import type { Failure } from '@parley/protocol';
import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

/** What a field lacks, to stand beside it; undefined where it was not at fault, or the notice says it all. */
export function fieldError(failure: Failure | null, name: string): string | undefined {
  if (failure?.code !== 'validation_failed') return undefined;
  const message = failure.details.errors?.find(({ path }) => path.split(/[./]/).includes(name))?.message;
  return message && `${message.slice(0, 1).toUpperCase()}${message.slice(1)}.`;
}

/** What went wrong, in the server's words or the catalogue's. `fields` show their own errors. */
export function FailureNotice({ failure, fields = [] }: { failure: Failure | null; fields?: readonly string[] }) {
  if (failure === null) return null;
  const shownElsewhere = fields.some((name) => fieldError(failure, name) !== undefined);
  const wait = failure.details.retryAfterMs;
  return (
    <Notice>
      <p>{failure.message}</p>
      {failure.code === 'validation_failed' &&
        !shownElsewhere &&
        failure.details.errors?.map(({ path, message }) => (
          <p key={path}>
            {path}: {message}
          </p>
        ))}
      {wait !== undefined && <p>Try again in {Math.ceil(wait / 1_000)} s.</p>}
    </Notice>
  );
}

const bringIntoView = (element: HTMLElement | null) => element?.scrollIntoView({ block: 'nearest' });

function Notice({ children }: { children: ReactNode }) {
  return (
    <div
      ref={bringIntoView}
      role="alert"
      className="appear flex gap-2.5 rounded-lg bg-danger-wash px-3 py-2.5 text-danger"
    >
      <CircleAlert aria-hidden="true" className="mt-0.5 size-4.5 shrink-0" />
      <div className="min-w-0 wrap-anywhere">{children}</div>
    </div>
  );
}
