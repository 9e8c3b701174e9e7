import type { User } from '@parley/protocol';
import { useMe, useUsers } from '../hooks/client-context.ts';
import { byName, parseUsernames } from '../people/names.ts';
import { TextField } from './text-field.tsx';

interface PeopleFieldProps {
  readonly label: string;
  readonly optional?: boolean;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error?: string | undefined;
  /** People who are not suggested, by id: they are there already. */
  readonly except?: ReadonlySet<string>;
}

const MOST_SUGGESTIONS = 6;

/** Usernames, several at once, with the people whose name begins like the last one to pick from. */
export function PeopleField({ value, onChange, except, ...field }: PeopleFieldProps) {
  const users = useUsers();
  const me = useMe();
  const started = /[^\s,;]*$/.exec(value)?.[0] ?? '';
  const finished = value.slice(0, value.length - started.length);
  const named = new Set(parseUsernames(finished).map((name) => name.toLowerCase()));
  const beginning = started.replace(/^@/, '').toLowerCase();
  const suggestions = [...users.values()]
    .filter((user) => user.id !== me?.id && !except?.has(user.id) && !named.has(user.username.toLowerCase()))
    .filter((user) => beginsWith(user, beginning) && user.username.toLowerCase() !== beginning)
    .sort((a, b) => byName(a.displayName, b.displayName))
    .slice(0, MOST_SUGGESTIONS);
  return (
    <div className="flex flex-col gap-2.5">
      <TextField
        {...field}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        hint="One or more, separated by commas or spaces."
        autoComplete="off"
      />
      {suggestions.length > 0 && (
        <ul aria-label="Suggestions" className="flex flex-wrap gap-1.5">
          {suggestions.map((user) => (
            <li key={user.id}>
              <button
                type="button"
                onClick={() => onChange(`${finished}${user.username}, `)}
                className="min-h-8 rounded-full border border-line bg-paper px-3 text-sm hover:border-line-strong hover:bg-hover"
              >
                {user.displayName}
                {user.displayName !== user.username && <span className="text-faint"> {user.username}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function beginsWith(user: User, beginning: string): boolean {
  return [user.username, ...user.displayName.split(/\s+/)].some((name) => name.toLowerCase().startsWith(beginning));
}
