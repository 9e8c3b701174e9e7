import { useEffect, useState } from 'react';
import { useConnection } from './client-context.ts';

/** How long a connection may be gone before anybody is told: most come back sooner. */
const WORTH_TELLING_MS = 2_000;

/** True while the connection has been gone for 2 s or more. */
export function useLastingOutage(): boolean {
  const online = useConnection().status === 'online';
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (online) return;
    const timer = setTimeout(() => setLasting(true), WORTH_TELLING_MS);
    return () => {
      clearTimeout(timer);
      setLasting(false);
    };
  }, [online]);
  return lasting;
}
