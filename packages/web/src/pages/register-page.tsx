import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { FailureNotice, fieldError } from '../components/failure-notice.tsx';
import { TextField } from '../components/text-field.tsx';
import { useSession } from '../hooks/client-context.ts';
import { usePageTitle } from '../hooks/use-page-title.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { Entrance } from './entrance.tsx';

export function RegisterPage() {
  const session = useSession();
  const [username, setUsername] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [password, setPassword] = useState('');
  const { submit, pending, failure } = useSubmit(() => {
    const shown = displayName.trim();
    return session.register({ username: username.trim(), password, ...(shown !== '' && { displayName: shown }) });
  });
  usePageTitle('Create account');
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void submit();
  };
  return (
    <Entrance title="Create your account" lead="The first account on a new server owns the workspace.">
      <form onSubmit={onSubmit} className="flex flex-col gap-5">
        <TextField
          label="Username"
          value={username}
          onChange={(event) => setUsername(event.target.value)}
          autoComplete="username"
          autoFocus
          required
          maxLength={32}
          hint="3 to 32 letters, digits, dots, dashes or underscores."
          error={fieldError(failure, 'username')}
        />
        <TextField
          label="Display name"
          optional
          value={displayName}
          onChange={(event) => setDisplayName(event.target.value)}
          autoComplete="name"
          autoCapitalize="words"
          maxLength={64}
          hint="What others see beside your messages."
          error={fieldError(failure, 'displayName')}
        />
        <TextField
          label="Password"
          type="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          autoComplete="new-password"
          required
          hint="At least 8 characters."
          error={fieldError(failure, 'password')}
        />
        <FailureNotice failure={failure} fields={['username', 'displayName', 'password']} />
        <Button look="primary" type="submit" busy={pending} className="min-h-11">
          Create account
        </Button>
      </form>
      <p className="mt-6 text-soft">
        Been here before?{' '}
        <Link to="/sign-in" className="rounded font-medium text-accent underline underline-offset-3">
          Sign in
        </Link>
      </p>
    </Entrance>
  );
}
