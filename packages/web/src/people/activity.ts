/** Whoever has done nothing on the page for so long, or not seen it for so long, is not at it. */
const IDLE_AFTER_MS = 5 * 60_000;
const HIDDEN_AFTER_MS = 60_000;

const SIGNS_OF_LIFE = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

type Page = Pick<Document, 'addEventListener' | 'removeEventListener' | 'visibilityState'>;

/** Tells whether somebody is at the page, at first and whenever it changes, until the answer is called. */
export function followActivity(page: Page, tell: (active: boolean) => void): () => void {
  let lastSignAt = performance.now();
  let hiddenAt: number | null = null;
  let active: boolean | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function look(): void {
    clearTimeout(timer);
    const hiddenUntil = hiddenAt === null ? Number.POSITIVE_INFINITY : hiddenAt + HIDDEN_AFTER_MS;
    const rest = Math.min(lastSignAt + IDLE_AFTER_MS, hiddenUntil) - performance.now();
    // It comes up once in a while however much somebody moves: signs of life only note the time.
    if (rest > 0) timer = setTimeout(look, rest);
    if (active === rest > 0) return;
    active = rest > 0;
    tell(active);
  }

  function live(): void {
    lastSignAt = performance.now();
    if (active === false) look();
  }

  function turn(): void {
    const isHidden = page.visibilityState === 'hidden';
    hiddenAt = isHidden ? performance.now() : null;
    if (!isHidden) lastSignAt = performance.now();
    look();
  }

  for (const sign of SIGNS_OF_LIFE) page.addEventListener(sign, live, { capture: true, passive: true });
  page.addEventListener('visibilitychange', turn);
  turn();
  return () => {
    clearTimeout(timer);
    for (const sign of SIGNS_OF_LIFE) page.removeEventListener(sign, live, { capture: true });
    page.removeEventListener('visibilitychange', turn);
  };
}
