import type { Failure } from '@parley/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useMe, useUsers } from '../hooks/client-context.ts';
import { nameOf } from '../people/names.ts';
import { estimateHeight, type Row } from '../timeline/rows.ts';
import { dayLabel } from '../timeline/times.ts';
import { Button } from './button.tsx';
import { MessageItem } from './message-item.tsx';

/** How near to the end, in pixels, still counts as reading along. */
const END_THRESHOLD = 72;
/** How many rows from the first one shown older messages are asked for. */
const LOAD_AHEAD = 12;
/** Width of a message's text on a wide screen, in pixels; the heights are measured anyway. */
const TEXT_WIDTH = 660;

interface MessageListProps {
  readonly label: string;
  readonly rows: readonly Row[];
  /** What stands above the first message ever. */
  readonly beginning: ReactNode;
  readonly complete: boolean;
  readonly loadingOlder: boolean;
  readonly olderFailure: Failure | null;
  readonly onLoadOlder: () => void;
  /** How many messages of others came since the end was last on screen. */
  readonly newer: number;
  readonly onAtEndChange: (atEnd: boolean) => void;
}

/** The messages of one channel: opens at the end, stays there while one reads along, and holds still otherwise. */
export function MessageList(props: MessageListProps) {
  const { rows, complete, loadingOlder, olderFailure, onLoadOlder, onAtEndChange } = props;
  const users = useUsers();
  const me = useMe()?.id ?? '';
  const scroller = useRef<HTMLElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const [width, setWidth] = useState(() => Math.min(TEXT_WIDTH, window.innerWidth - 90));

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.key ?? index,
    estimateSize: (index) => estimateHeight(rows[index], width),
    // Near the end at once, so that the first frame shows the latest messages; corrected before it is painted.
    initialOffset: () => rows.reduce((sum, row) => sum + estimateHeight(row, width), 0) - window.innerHeight,
    initialRect: { width: 0, height: window.innerHeight },
    overscan: 8,
    paddingEnd: 16,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: END_THRESHOLD,
  });
  const { scrollToEnd } = virtualizer;

  useLayoutEffect(() => scrollToEnd(), [scrollToEnd]);

  // What the person writes is always shown, wherever they were reading.
  const last = rows.at(-1);
  const ownKey = last?.kind === 'message' && last.outgoing !== null ? last.key : null;
  useLayoutEffect(() => {
    if (ownKey !== null) scrollToEnd();
  }, [ownKey, scrollToEnd]);

  // The soft keyboard and a growing composer take height away: whoever reads along goes on doing so.
  const atEndNow = useRef(atEnd);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      setWidth(Math.min(TEXT_WIDTH, element.clientWidth - 90));
      if (atEndNow.current) scrollToEnd();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [scrollToEnd]);

  useEffect(() => {
    atEndNow.current = atEnd;
    onAtEndChange(atEnd);
  }, [atEnd, onAtEndChange]);

  const onScroll = () => {
    const element = scroller.current;
    if (element) setAtEnd(element.scrollHeight - element.clientHeight - element.scrollTop <= END_THRESHOLD);
  };

  const items = virtualizer.getVirtualItems();
  const nearStart = (virtualizer.range?.startIndex ?? rows.length) <= LOAD_AHEAD;
  const wantsOlder = nearStart && !complete && !loadingOlder && olderFailure === null;
  useEffect(() => {
    if (wantsOlder) onLoadOlder();
  }, [wantsOlder, onLoadOlder]);

  return (
    <div className="relative min-h-0 grow">
      <section
        ref={scroller}
        aria-label={props.label}
        aria-busy={loadingOlder}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
        tabIndex={0}
        onScroll={onScroll}
        className="h-full overflow-y-auto overscroll-contain [overflow-anchor:none] focus-visible:-outline-offset-2"
      >
        <div className="flex min-h-full flex-col justify-end">
          <div style={{ height: virtualizer.getTotalSize() }} className="relative shrink-0">
            <ol
              style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}
              className="absolute inset-x-0 top-0 mx-auto max-w-3xl"
            >
              {items.map(({ index, key }) => {
                const row = rows[index];
                if (row === undefined) return null;
                return (
                  <li key={key} data-index={index} ref={virtualizer.measureElement} className="flow-root px-4 sm:px-6">
                    <RowContent row={row} beginning={props.beginning} users={users} me={me} />
                  </li>
                );
              })}
            </ol>
          </div>
        </div>
      </section>
      <div
        aria-hidden="true"
        className="pointer-events-none absolute inset-x-0 bottom-0 h-4 bg-linear-to-t from-paper to-transparent"
      />
      <div className="pointer-events-none absolute inset-x-0 top-3 flex justify-center">
        {loadingOlder && (
          <p role="status" className="appear-late rounded-full bg-raised px-3.5 py-1 text-sm text-soft shadow-float">
            Loading earlier messages…
          </p>
        )}
        {olderFailure && (
          <div
            role="alert"
            className="pointer-events-auto flex items-center gap-3 rounded-xl bg-raised p-2 pl-4 shadow-float"
          >
            <p className="text-danger">{olderFailure.message}</p>
            <Button onClick={onLoadOlder}>Try again</Button>
          </div>
        )}
      </div>
      {!atEnd && (
        <div className="pointer-events-none absolute inset-x-0 bottom-3 flex justify-center">
          <button
            type="button"
            onClick={() => scrollToEnd()}
            className={`appear pointer-events-auto inline-flex min-h-10 items-center gap-2 rounded-full px-4 text-sm font-semibold shadow-float ${props.newer > 0 ? 'bg-accent text-accent-ink hover:bg-accent-hover' : 'bg-raised text-soft hover:text-ink'}`}
          >
            <ArrowDown aria-hidden="true" className="size-4" strokeWidth={2.25} />
            {props.newer === 0 ? 'Latest' : `${props.newer} new ${props.newer === 1 ? 'message' : 'messages'}`}
          </button>
        </div>
      )}
    </div>
  );
}

interface RowContentProps {
  readonly row: Row;
  readonly beginning: ReactNode;
  readonly users: ReturnType<typeof useUsers>;
  readonly me: string;
}

function RowContent({ row, beginning, users, me }: RowContentProps) {
  switch (row.kind) {
    case 'beginning':
      return beginning;
    case 'day':
      return (
        <div className="flex items-center gap-4 pt-7 pb-1">
          <span aria-hidden="true" className="h-px grow bg-line" />
          <h2 className="font-serif text-sm text-soft italic">
            <time dateTime={row.at}>{dayLabel(row.at, Date.now())}</time>
          </h2>
          <span aria-hidden="true" className="h-px grow bg-line" />
        </div>
      );
    case 'unread':
      return (
        <div className="flex items-center gap-3 pt-4">
          <h2 className="text-sm font-semibold text-accent">New</h2>
          <span aria-hidden="true" className="h-px grow bg-accent/50" />
        </div>
      );
    case 'message':
      return <MessageItem row={row} author={nameOf(users, row.authorId)} mine={row.authorId === me} />;
  }
}
