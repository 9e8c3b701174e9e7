import { Failure } from '@parley/protocol';
import { useRef, useState } from 'react';

export interface Submit<Args extends unknown[]> {
  readonly pending: boolean;
  readonly failure: Failure | null;
  /** Runs the work once at a time. True where it succeeded. */
  submit(...args: Args): Promise<boolean>;
  forget(): void;
}

/** Anything thrown, as an error of the catalogue. What should not have been thrown is also told to the console. */
function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  reportError(error);
  return new Failure('internal', {}, { cause: error });
}

/** Something a person asks for, its waiting and its refusal. */
export function useSubmit<Args extends unknown[]>(work: (...args: Args) => Promise<unknown>): Submit<Args> {
  const [pending, setPending] = useState(false);
  // Beside the state, which a second press in the same moment would not see yet.
  const running = useRef(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  return {
    pending,
    failure,
    async submit(...args) {
      if (running.current) return false;
      running.current = true;
      setPending(true);
      setFailure(null);
      try {
        await work(...args);
        return true;
      } catch (error) {
        setFailure(asFailure(error));
        return false;
      } finally {
        running.current = false;
        setPending(false);
      }
    },
    forget: () => setFailure(null),
  };
}
