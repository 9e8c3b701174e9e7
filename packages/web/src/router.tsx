import { createRootRouteWithContext, createRoute, createRouter, Outlet, redirect } from '@tanstack/react-router';
import { ChannelPage } from './pages/channel-page.tsx';
import { ChatLayout } from './pages/chat-layout.tsx';
import { DiscoverPage } from './pages/discover-page.tsx';
import { HomePage } from './pages/home-page.tsx';
import { NowherePage } from './pages/nowhere-page.tsx';
import { RegisterPage } from './pages/register-page.tsx';
import { SignInPage } from './pages/sign-in-page.tsx';
import { ownAddress } from './session/own-address.ts';
import type { Session } from './session/session.ts';

interface Context {
  readonly session: Session;
}

interface EntranceSearch {
  /** Where to go once signed in: an address on this site. */
  readonly next?: string;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet });

/** For those who are not signed in; whoever is goes where they wanted to. */
const entrance = createRoute({
  getParentRoute: () => root,
  id: 'entrance',
  validateSearch: (search: Record<string, unknown>): EntranceSearch => {
    const next = ownAddress(search.next);
    return next === undefined ? {} : { next };
  },
  beforeLoad: ({ context, search }) => {
    if (context.session.getStatus().kind === 'signed-in') throw redirect({ to: search.next ?? '/', replace: true });
  },
});

/** For those who are; everybody else signs in first and comes back. */
const chat = createRoute({
  getParentRoute: () => root,
  id: 'chat',
  component: ChatLayout,
  beforeLoad: ({ context, location }) => {
    if (context.session.getStatus().kind === 'signed-in') return;
    throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { next: location.href }, replace: true });
  },
});

const routes = root.addChildren([
  entrance.addChildren([
    createRoute({ getParentRoute: () => entrance, path: '/sign-in', component: SignInPage }),
    createRoute({ getParentRoute: () => entrance, path: '/register', component: RegisterPage }),
  ]),
  chat.addChildren([
    createRoute({ getParentRoute: () => chat, path: '/', component: HomePage }),
    createRoute({ getParentRoute: () => chat, path: '/discover', component: DiscoverPage }),
    createRoute({ getParentRoute: () => chat, path: '/c/$channelId', component: ChannelPage }),
  ]),
]);

export function createAppRouter(session: Session) {
  return createRouter({
    routeTree: routes,
    context: { session },
    defaultNotFoundComponent: NowherePage,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
