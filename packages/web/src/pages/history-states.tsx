import type { Failure } from '@parley/protocol';
import { Button } from '../components/button.tsx';

const LINES = ['w-3/5', 'w-2/5', 'w-4/5', 'w-1/2'];

export function HistoryLoading() {
  return (
    <div
      role="status"
      className="mx-auto flex w-full max-w-3xl min-h-0 grow flex-col justify-end gap-6 overflow-hidden px-6 pb-6"
    >
      <span className="sr-only">Loading the messages…</span>
      {LINES.map((width) => (
        <span key={width} aria-hidden="true" className="appear-late flex gap-3">
          <span className="pulse-calmly size-9 shrink-0 rounded-full bg-hover" />
          <span className="flex grow flex-col gap-2.5 pt-1">
            <span className="pulse-calmly h-3 w-28 rounded bg-hover" />
            <span className={`pulse-calmly h-3 rounded bg-hover ${width}`} />
          </span>
        </span>
      ))}
    </div>
  );
}

export function HistoryFailed({ failure, onRetry }: { failure: Failure; onRetry: () => void }) {
  return (
    <div role="alert" className="flex min-h-0 grow flex-col items-center justify-center gap-4 px-6 text-center">
      <div>
        <p className="font-serif text-xl font-semibold">The messages could not be loaded</p>
        <p className="mt-1 text-soft">{failure.message}</p>
      </div>
      <Button onClick={onRetry}>Try again</Button>
    </div>
  );
}
