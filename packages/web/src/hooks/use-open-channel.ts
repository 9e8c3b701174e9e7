import type { Client } from '@parley/client';
import { useNavigate } from '@tanstack/react-router';
import { useClient } from './client-context.ts';

/** Longest that a page waits for a channel it was promised before it goes there anyway, in milliseconds. */
const PATIENCE_MS = 3_000;

/** Resolves once the channel is among mine: the answer to a request may overtake the entry that it caused. */
function channelArrives(client: Client, channelId: string): Promise<void> {
  const isHere = () => client.getState()?.channels.has(channelId) ?? false;
  if (isHere()) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      unsubscribe();
      resolve();
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    const unsubscribe = client.subscribe(() => {
      if (isHere()) finish();
    });
  });
}

/** Goes to a channel that was just created, joined or started. */
export function useOpenChannel(): (channelId: string) => Promise<void> {
  const client = useClient();
  const navigate = useNavigate();
  return async (channelId) => {
    await channelArrives(client, channelId);
    await navigate({ to: '/c/$channelId', params: { channelId } });
  };
}
