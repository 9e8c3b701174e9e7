export function Mark({ className = 'size-7' }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={className}>
      <rect width="32" height="32" rx="9" className="fill-accent" />
      <path
        d="M10.5 26V14.5a6.5 6.5 0 1 1 6.5 6.5h-1.5"
        fill="none"
        strokeWidth="3.4"
        strokeLinecap="round"
        className="stroke-accent-ink"
      />
    </svg>
  );
}

export function Wordmark() {
  return (
    <span className="inline-flex items-center gap-2.5">
      <Mark />
      <span className="font-serif text-[1.375rem] leading-none font-semibold tracking-tight">Parley</span>
    </span>
  );
}
