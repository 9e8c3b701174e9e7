import { Link } from '@tanstack/react-router';
import { buttonClass } from '../components/button.tsx';
import { Mark } from '../components/wordmark.tsx';
import { usePageTitle } from '../hooks/use-page-title.ts';

/** For an address that names no page. */
export function NowherePage() {
  usePageTitle('Nothing here');
  return (
    <main className="flex h-full flex-col items-center justify-center gap-6 bg-sunken px-6 text-center">
      <Mark className="size-12 shrink-0" />
      <div>
        <h1 className="font-serif text-2xl leading-tight font-semibold tracking-tight text-balance">
          There is nothing at this address
        </h1>
        <p className="mt-2 text-soft text-balance">It may have been mistyped, or cut off on its way to you.</p>
      </div>
      <Link to="/" className={buttonClass()}>
        Go to your channels
      </Link>
    </main>
  );
}
