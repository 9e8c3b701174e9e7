import { WifiOff } from 'lucide-react';
import { useLayoutEffect, useRef } from 'react';
import type { Outage } from '../hooks/use-outage.ts';

/** Tells of a connection that has been gone for a while, when it is tried again, and lets one not wait for that. */
export function ConnectionBanner({ outage }: { outage: Outage | null }) {
  return (
    // A landmark only while there is something in it.
    <div {...(outage && { role: 'region', 'aria-label': 'Connection' })}>
      {/* Always there, since assistive technology reads out changes alone; and apart, lest it count the seconds. */}
      <p role="status" className="sr-only">
        {outage && 'The connection is lost. What you write is sent once you are back.'}
      </p>
      {outage && <Banner {...outage} />}
    </div>
  );
}

function Banner({ nextTry, retryNow }: Outage) {
  const bar = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = bar.current;
    return () => {
      // The button goes with the outage: the focus goes on to the page.
      if (element?.contains(document.activeElement)) document.getElementById('main')?.focus();
    };
  }, []);
  return (
    <div
      ref={bar}
      data-banner=""
      className="appear flex min-h-11 items-center justify-center gap-x-2.5 border-b border-line bg-hover px-4 pt-[env(safe-area-inset-top)]"
    >
      <WifiOff aria-hidden="true" className="size-4.5 shrink-0 text-danger" />
      <p className="py-1.5 leading-snug">
        <span className="font-medium">You are offline.</span>{' '}
        <span className="max-sm:hidden">What you write is sent once you are back. </span>
        <span className="tabular-nums">{nextTry}</span>
      </p>
      <button
        type="button"
        onClick={retryNow}
        className="min-h-9 rounded-md px-2.5 font-semibold whitespace-nowrap text-accent underline decoration-1 underline-offset-3 hover:decoration-2"
      >
        Retry now
      </button>
    </div>
  );
}
