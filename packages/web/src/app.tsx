import { RouterProvider } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useSession, useSessionStatus } from './hooks/client-context.ts';
import { StartingPage } from './pages/starting-page.tsx';
import { createAppRouter } from './router.tsx';

/** The pages, once it is known whether somebody is signed in. */
export function App() {
  const session = useSession();
  const { kind } = useSessionStatus();
  const [router] = useState(() => createAppRouter(session));
  const known = kind === 'signed-in' || kind === 'signed-out';
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever comes or goes is sent where they belong
  useEffect(() => {
    if (known) void router.invalidate();
  }, [router, kind]);
  return known ? <RouterProvider router={router} /> : <StartingPage />;
}
