import type { ComponentProps } from 'react';

const LOOKS = {
  primary: 'bg-accent text-accent-ink hover:bg-accent-hover',
  quiet: 'border border-line-strong/50 bg-raised text-ink hover:bg-hover',
  danger: 'bg-danger text-danger-ink hover:bg-danger-hover',
  quietDanger: 'border border-line-strong/50 bg-raised text-danger hover:bg-danger-wash',
  bare: 'text-soft hover:bg-hover hover:text-ink',
} as const;

/** The look of a button, for links that stand where buttons do. */
export function buttonClass(look: keyof typeof LOOKS = 'quiet'): string {
  return `inline-flex min-h-10 items-center justify-center gap-2 rounded-lg px-4 font-medium whitespace-nowrap transition-colors select-none disabled:cursor-default disabled:opacity-55 aria-busy:cursor-default! aria-busy:opacity-70 ${LOOKS[look]}`;
}

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: keyof typeof LOOKS;
  /** At work. It stays enabled, because a disabled button would lose the focus; the work itself runs once at a time. */
  readonly busy?: boolean;
}

export function Button({ look = 'quiet', busy = false, className = '', ...props }: ButtonProps) {
  return <button type="button" {...props} aria-busy={busy} className={`${buttonClass(look)} ${className}`} />;
}

/** A square button that shows an icon alone; `label` is its name. */
export function IconButton({ label, className = '', ...props }: ComponentProps<'button'> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...props}
      className={`inline-flex size-10 shrink-0 items-center justify-center rounded-lg text-soft transition-colors hover:bg-hover hover:text-ink data-popup-open:bg-hover ${className}`}
    />
  );
}
