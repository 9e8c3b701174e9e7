import { MOST_WATCHED } from '@parley/protocol';
import { useEffect } from 'react';
import { useClient } from './client-context.ts';

/** Has the presence of these people followed while the component is there; the last of them where there are too many. */
export function useWatch(userIds: readonly string[]): void {
  const client = useClient();
  const key = userIds.slice(-MOST_WATCHED).join();
  useEffect(() => (key === '' ? undefined : client.watch(key.split(','))), [client, key]);
}
