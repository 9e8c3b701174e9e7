import { Link } from '@tanstack/react-router';
import { ChevronLeft } from 'lucide-react';
import { type ReactNode, type RefObject, useEffect, useRef } from 'react';

interface PaneProps {
  readonly title: ReactNode;
  readonly detail?: ReactNode;
  readonly actions?: ReactNode;
  /** Takes the focus when the pane opens, in place of the heading. */
  readonly focusFirst?: RefObject<HTMLElement | null> | undefined;
  readonly children: ReactNode;
}

/** The right pane: a heading, its actions, and on a phone the way back to the list. */
export function Pane({ title, detail, actions, focusFirst, children }: PaneProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // On a touch screen the focus of a text field would open the keyboard over what one came to read.
    const target = matchMedia('(pointer: coarse)').matches ? heading : (focusFirst ?? heading);
    target.current?.focus({ preventScroll: true });
  }, [focusFirst]);
  return (
    <div className="flex h-full min-w-0 flex-col pr-[env(safe-area-inset-right)] max-md:pl-[env(safe-area-inset-left)]">
      <header className="flex min-h-16 shrink-0 items-center gap-2 border-b border-line pt-safe px-2 sm:px-5">
        <Link
          to="/"
          aria-label="Back to channels"
          className="inline-flex size-11 shrink-0 items-center justify-center rounded-lg text-soft hover:bg-hover md:hidden"
        >
          <ChevronLeft aria-hidden="true" className="size-6" />
        </Link>
        <div className="min-w-0 grow py-2 leading-tight">
          <h1
            ref={heading}
            tabIndex={-1}
            className="flex items-center gap-2 text-[1.0625rem] font-semibold outline-none"
          >
            {title}
          </h1>
          {detail && <p className="truncate text-sm text-soft">{detail}</p>}
        </div>
        {actions && <div className="flex shrink-0 items-center gap-1.5">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
