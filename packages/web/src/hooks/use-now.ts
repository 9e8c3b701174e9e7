import { useEffect, useState } from 'react';

/** The time in milliseconds since 1970, moving on every second while `ticking`. */
function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

/** Whole seconds until `at`, counting down; 0 once it is past. */
export function useSecondsUntil(at: number | null): number {
  const now = useNow(at !== null);
  return at === null ? 0 : Math.max(0, Math.ceil((at - now) / 1_000));
}
