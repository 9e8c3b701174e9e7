import { useEffect, useState } from 'react';
import { Mark } from '../components/wordmark.tsx';
import { useSession, useSessionStatus } from '../hooks/client-context.ts';
import { useNextTry } from '../hooks/use-outage.ts';
import { UnreachablePage } from './unreachable-page.tsx';

/** How long the first answer may take before one is told that it is still waited for. */
const SLOW_AFTER_MS = 5_000;

/** While it is not known yet whether there is a session to go on with. */
export function StartingPage() {
  const session = useSession();
  const status = useSessionStatus();
  const nextTry = useNextTry(status.kind === 'unreachable' ? status.retryAt : null);
  if (status.kind !== 'unreachable') return <Restoring />;
  return <UnreachablePage reason={status.reason} nextTry={nextTry} onRetry={session.retryNow} />;
}

function Restoring() {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main className="flex h-full flex-col items-center justify-center bg-sunken px-6 text-center">
      <h1 className="sr-only">Parley</h1>
      <div role="status" className="appear-late flex flex-col items-center gap-5">
        <Mark className="pulse-calmly size-12" />
        {slow ? (
          <p className="text-soft">The server takes its time. Still waiting for its answer…</p>
        ) : (
          <span className="sr-only">Loading…</span>
        )}
      </div>
    </main>
  );
}
