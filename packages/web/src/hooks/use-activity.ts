import { useEffect } from 'react';
import { followActivity } from '../people/activity.ts';
import { useClient } from './client-context.ts';

/** Tells the others whether somebody is at this page. */
export function useActivity(): void {
  const client = useClient();
  useEffect(() => followActivity(document, client.setActive), [client]);
}
