import type { ErrorCode } from '@parley/protocol';
import { Button } from '../components/button.tsx';
import { Mark } from '../components/wordmark.tsx';
import { usePageTitle } from '../hooks/use-page-title.ts';

interface UnreachablePageProps {
  readonly reason: ErrorCode;
  readonly nextTry: string;
  readonly onRetry: () => void;
}

/** What the person can make of the reason. */
function wordsFor(reason: ErrorCode): readonly [title: string, meaning: string] {
  switch (reason) {
    case 'timeout':
      return ['The server does not answer', 'It may be busy, or the network slow.'];
    case 'internal':
      return ['Something went wrong on the server', 'It answers, but with an error: its log says which.'];
    case 'throttled':
    case 'too_many_attempts':
      return ['The server asks for a little patience', 'There were too many requests at once.'];
    default:
      return ['The server cannot be reached', 'It may be restarting, or you may be offline.'];
  }
}

/** In place of the whole app while there is nothing to show yet and no server to get it from. */
export function UnreachablePage({ reason, nextTry, onRetry }: UnreachablePageProps) {
  const [title, meaning] = wordsFor(reason);
  usePageTitle(title);
  return (
    <main className="flex h-full flex-col items-center justify-center gap-6 overflow-y-auto bg-sunken px-6 py-10 text-center">
      <Mark className="size-12 shrink-0" />
      <div role="alert" className="max-w-sm">
        <h1 className="font-serif text-2xl leading-tight font-semibold tracking-tight text-balance">{title}</h1>
        <p className="mt-2 text-soft text-balance">{meaning}</p>
      </div>
      <div className="flex flex-col items-center gap-3">
        <Button look="primary" onClick={onRetry} className="min-h-11">
          Retry now
        </Button>
        <p className="min-h-6 text-sm text-faint tabular-nums">{nextTry}</p>
      </div>
    </main>
  );
}
