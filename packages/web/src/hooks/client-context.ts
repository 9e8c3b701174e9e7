import type { Client, Connection, Outgoing } from '@parley/client';
import type { ListedChannel, MyChannel, PresenceState, User } from '@parley/protocol';
import { createContext, use, useCallback, useSyncExternalStore } from 'react';
import type { Session, SessionStatus } from '../session/session.ts';

export interface Services {
  readonly client: Client;
  readonly session: Session;
}

export const ServicesContext = createContext<Services | null>(null);

function useServices(): Services {
  const services = use(ServicesContext);
  if (services === null) throw new Error('a component that uses the client stands outside <ServicesContext>');
  return services;
}

export function useClient(): Client {
  return useServices().client;
}

export function useSession(): Session {
  return useServices().session;
}

export function useSessionStatus(): SessionStatus {
  const session = useSession();
  return useSyncExternalStore(session.subscribe, session.getStatus);
}

/** Follows one value of the client. `read` must give the same object until something changed. */
function useClientValue<Value>(read: (client: Client) => Value): Value {
  const client = useClient();
  const subscribe = useCallback((listener: () => void) => client.subscribe(listener), [client]);
  return useSyncExternalStore(subscribe, () => read(client));
}

const NO_CHANNELS: ReadonlyMap<string, MyChannel> = new Map();
const NO_USERS: ReadonlyMap<string, User> = new Map();
const NO_LISTED: ReadonlyMap<string, ListedChannel> = new Map();

/** False until the first snapshot. */
export const useIsLoaded = (): boolean => useClientValue((client) => client.getState() !== null);
export const useMe = (): User | null => useClientValue((client) => client.getState()?.user ?? null);
export const useChannels = () => useClientValue((client) => client.getState()?.channels ?? NO_CHANNELS);
export const useUsers = () => useClientValue((client) => client.getState()?.users ?? NO_USERS);
export const useDirectory = () => useClientValue((client) => client.getState()?.directory ?? NO_LISTED);
export const useTimeline = (channelId: string) =>
  useClientValue((client) => client.getState()?.timelines.get(channelId) ?? null);
export const useConnection = (): Connection => useClientValue((client) => client.getConnection());
export const useOutbox = (): readonly Outgoing[] => useClientValue((client) => client.getOutbox());
/** Null where it is not known: who nobody watches, and everybody while the connection is down. */
export const usePresence = (userId: string | null): PresenceState | null =>
  useClientValue((client) => (userId === null ? null : (client.getPresence().get(userId) ?? null)));
