import type { ReactNode } from 'react';
import { Wordmark } from '../components/wordmark.tsx';

/** The frame of the pages before one is signed in. */
export function Entrance({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  return (
    <div className="h-full overflow-y-auto bg-sunken">
      <div className="mx-auto flex min-h-full w-full max-w-md flex-col justify-center px-5 py-10 pt-[max(2.5rem,env(safe-area-inset-top))]">
        <header className="mb-7 flex justify-center sm:mb-9">
          <Wordmark />
        </header>
        <main className="rounded-2xl border border-line bg-raised px-6 py-7 sm:px-8 sm:py-8">
          <h1 className="font-serif text-[1.75rem] leading-tight font-semibold tracking-tight">{title}</h1>
          {lead && <p className="mt-2 text-soft">{lead}</p>}
          <div className="mt-6">{children}</div>
        </main>
      </div>
    </div>
  );
}
