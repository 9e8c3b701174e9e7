import { Outlet, useMatchRoute } from '@tanstack/react-router';
import { ChannelList } from '../components/channel-list.tsx';
import { ConnectionBanner } from '../components/connection-banner.tsx';
import { useIsLoaded } from '../hooks/client-context.ts';
import { useActivity } from '../hooks/use-activity.ts';
import { useIsNarrow } from '../hooks/use-is-narrow.ts';
import { useOutage } from '../hooks/use-outage.ts';
import { UnreachablePage } from './unreachable-page.tsx';

const MAIN = { id: 'main', role: 'main', tabIndex: -1 } as const;

/** The two panes, side by side; on a phone the list at the root and the other everywhere else. */
export function ChatLayout() {
  useActivity();
  const showsList = useMatchRoute()({ to: '/' }) !== false;
  const listIsThePage = useIsNarrow() && showsList;
  const loaded = useIsLoaded();
  const outage = useOutage();
  // Nothing to show yet, and nowhere to get it from.
  if (!loaded && outage) return <UnreachablePage {...outage} onRetry={outage.retryNow} />;
  return (
    <div className="flex h-full flex-col has-data-banner:[--safe-top:0px]">
      <a
        href={`#${MAIN.id}`}
        className="sr-only focus:not-sr-only focus:absolute focus:top-3 focus:left-3 focus:z-10 focus:rounded-lg focus:bg-raised focus:px-4 focus:py-2.5 focus:font-medium focus:shadow-float"
      >
        Skip to the conversation
      </a>
      <ConnectionBanner outage={outage} />
      <div className="grid min-h-0 grow grid-cols-[minmax(0,1fr)] md:grid-cols-[18rem_minmax(0,1fr)]">
        <div
          {...(listIsThePage && MAIN)}
          className={`min-h-0 border-line outline-none md:border-r ${showsList ? '' : 'max-md:hidden'}`}
        >
          {listIsThePage && <h1 className="sr-only">Your channels</h1>}
          <ChannelList />
        </div>
        <main
          id={listIsThePage ? undefined : MAIN.id}
          tabIndex={-1}
          className={`min-h-0 min-w-0 bg-paper outline-none ${showsList ? 'max-md:hidden' : ''}`}
        >
          <Outlet />
        </main>
      </div>
    </div>
  );
}
