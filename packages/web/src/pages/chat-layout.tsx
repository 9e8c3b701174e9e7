import { Outlet, useMatchRoute } from '@tanstack/react-router';
import { ChannelList } from '../components/channel-list.tsx';
import { ConnectionBanner } from '../components/connection-banner.tsx';

/** The two panes, side by side; on a phone the list at the root and the other everywhere else. */
export function ChatLayout() {
  const showsList = useMatchRoute()({ to: '/' }) !== false;
  return (
    <div className="flex h-full flex-col has-data-banner:[--safe-top:0px]">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:top-3 focus:left-3 focus:z-10 focus:rounded-lg focus:bg-raised focus:px-4 focus:py-2.5 focus:font-medium focus:shadow-float"
      >
        Skip to the conversation
      </a>
      <ConnectionBanner />
      <div className="grid min-h-0 grow grid-cols-[minmax(0,1fr)] md:grid-cols-[18rem_minmax(0,1fr)]">
        <div className={`min-h-0 border-line md:border-r ${showsList ? '' : 'max-md:hidden'}`}>
          <ChannelList />
        </div>
        <main
          id="main"
          tabIndex={-1}
          className={`min-h-0 min-w-0 bg-paper outline-none ${showsList ? 'max-md:hidden' : ''}`}
        >
          <Outlet />
        </main>
      </div>
    </div>
  );
}
