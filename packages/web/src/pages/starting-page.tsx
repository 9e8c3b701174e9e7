import { Button } from '../components/button.tsx';
import { Mark } from '../components/wordmark.tsx';
import { useSession, useSessionStatus } from '../hooks/client-context.ts';

/** While it is not known yet whether there is a session to go on with. */
export function StartingPage() {
  const session = useSession();
  const unreachable = useSessionStatus().kind === 'unreachable';
  return (
    <main className="flex h-full flex-col items-center justify-center gap-5 bg-sunken px-6 text-center">
      {unreachable ? (
        <>
          <Mark className="size-12" />
          <div role="alert">
            <h1 className="font-serif text-2xl font-semibold tracking-tight">The server cannot be reached</h1>
            <p className="mt-1.5 text-soft">It may be restarting, or you may be offline.</p>
          </div>
          <Button look="primary" onClick={() => void session.restore()}>
            Try again
          </Button>
        </>
      ) : (
        <div role="status" className="appear-late">
          <Mark className="pulse-calmly size-12" />
          <span className="sr-only">Loading…</span>
        </div>
      )}
    </main>
  );
}
