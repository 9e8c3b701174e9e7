import { WifiOff } from 'lucide-react';
import { useClient, useConnection } from '../hooks/client-context.ts';
import { useLastingOutage } from '../hooks/use-lasting-outage.ts';
import { useSecondsUntil } from '../hooks/use-now.ts';

/** Tells of a connection that has been gone for a while, when it is tried again, and lets one not wait for that. */
export function ConnectionBanner() {
  const client = useClient();
  const connection = useConnection();
  const lasting = useLastingOutage();
  const retryAt = lasting && connection.status === 'waiting' ? connection.retryAt : null;
  const seconds = useSecondsUntil(retryAt);
  const countdown = retryAt !== null && seconds > 0 ? `Next try in ${seconds}\u00a0s.` : 'Trying…';
  return (
    <div>
      {lasting && (
        <div
          data-banner=""
          className="appear flex min-h-11 items-center justify-center gap-x-2.5 border-b border-line bg-hover px-4 pt-[env(safe-area-inset-top)]"
        >
          <WifiOff aria-hidden="true" className="size-4.5 shrink-0 text-danger" />
          <p className="py-1.5 leading-snug">
            <span role="status" className="font-medium">
              You are offline.
            </span>{' '}
            <span className="max-sm:hidden">What you write is sent once you are back. </span>
            <span className="tabular-nums">{countdown}</span>
          </p>
          <button
            type="button"
            onClick={() => client.reconnectNow()}
            className="min-h-9 rounded-md px-2.5 font-semibold whitespace-nowrap text-accent underline decoration-1 underline-offset-3 hover:decoration-2"
          >
            Retry now
          </button>
        </div>
      )}
    </div>
  );
}
