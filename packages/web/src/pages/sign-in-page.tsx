import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { FailureNotice, fieldError } from '../components/failure-notice.tsx';
import { TextField } from '../components/text-field.tsx';
import { useSession, useSessionStatus } from '../hooks/client-context.ts';
import { usePageTitle } from '../hooks/use-page-title.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { Entrance } from './entrance.tsx';

export function SignInPage() {
  const session = useSession();
  const status = useSessionStatus();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const { submit, pending, failure } = useSubmit(() => session.signIn({ username: username.trim(), password }));
  usePageTitle('Sign in');
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void submit();
  };
  const notice = status.kind === 'signed-out' ? status.notice : null;
  return (
    <Entrance title="Welcome back">
      {notice && failure === null && (
        <p role="status" className="mb-5 rounded-lg bg-accent-wash px-3 py-2.5">
          {notice}
        </p>
      )}
      <form onSubmit={onSubmit} className="flex flex-col gap-5">
        <TextField
          label="Username"
          value={username}
          onChange={(event) => setUsername(event.target.value)}
          autoComplete="username"
          autoFocus
          required
          error={fieldError(failure, 'username')}
        />
        <TextField
          label="Password"
          type="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          autoComplete="current-password"
          required
          error={fieldError(failure, 'password')}
        />
        <FailureNotice failure={failure} fields={['username', 'password']} />
        <Button look="primary" type="submit" busy={pending} className="min-h-11">
          Sign in
        </Button>
      </form>
      <p className="mt-6 text-soft">
        New here?{' '}
        <Link to="/register" className="rounded font-medium text-accent underline underline-offset-3">
          Create an account
        </Link>
      </p>
    </Entrance>
  );
}
