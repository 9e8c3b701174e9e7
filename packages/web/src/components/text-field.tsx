import { type ComponentProps, type ReactNode, useId } from 'react';

const BOX =
  'w-full rounded-lg border border-line-strong bg-raised px-3 text-ink placeholder:text-faint focus:border-accent focus:outline-2 focus:-outline-offset-1 focus:outline-accent aria-invalid:border-danger pointer-coarse:text-base';

interface FieldProps {
  readonly label: string;
  /** Says that the field may stay empty. */
  readonly optional?: boolean;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
}

/** A labelled line of text with its hint and its error, tied together for assistive technology. */
export function TextField({ label, optional, hint, error, ...input }: FieldProps & ComponentProps<'input'>) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter((part) => part !== '').join(' ');
  return (
    <div className="flex flex-col gap-1.5">
      <div className="flex items-baseline justify-between gap-3">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {optional && <span className="text-sm text-faint">optional</span>}
      </div>
      <input
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        {...input}
        id={id}
        aria-invalid={error !== undefined}
        aria-describedby={described === '' ? undefined : described}
        className={`${BOX} h-11`}
      />
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-faint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="text-sm text-danger">
          {error}
        </p>
      )}
    </div>
  );
}
