import { type Entry, type Failure, newId, type Snapshot, type User } from '@parley/protocol';
import { expect, vi } from 'vitest';
import { createClient } from '../client.ts';
import { snapshotFromState } from '../reduce.ts';
import { memoryStorage } from '../session.ts';
import type { Client, ClientOptions } from '../types.ts';

const PASSWORD = 'a long enough passphrase';

/** Somebody's running client, and everything that it was told. */
export interface Device {
  readonly client: Client;
  readonly user: User;
  /** Every entry that reached the application, in the order of arrival. */
  readonly heard: Entry[];
  /** Where the streams stood when this device began to listen. */
  readonly startedAt: ReadonlyMap<string, number>;
  /** The log of one stream, as far as it was heard. */
  heardOf(stream: string): Entry[];
  /** Connects again after `disconnect`, and goes on listening. */
  comeBack(): Promise<void>;
  /** Signs in again after the session has ended, and goes on. */
  signInAgain(): Promise<void>;
  close(): void;
}

type DeviceOptions = Omit<ClientOptions, 'url'> & {
  readonly url: string;
  /** Whose device this is: a new account where it is left out. */
  readonly username?: string;
  /** False for a client whose entries nobody reads. */
  readonly listens?: boolean;
};

/** Signs in, or registers where no name is given, connects and listens. */
export async function openDevice({ username, listens = true, ...options }: DeviceOptions): Promise<Device> {
  const client = createClient({ sessionStorage: memoryStorage(), ...options });
  const user = await (username === undefined
    ? client.register({ username: newUsername(), password: PASSWORD })
    : client.signIn({ username, password: PASSWORD }));
  const heard: Entry[] = [];
  const listen = async () => {
    for await (const entry of client.entries()) heard.push(entry);
  };
  // The end of a session ends a reading with an error: the next one begins where the client goes on.
  const connect = () => {
    if (listens) void listen().catch((_: Failure) => undefined);
    return client.connect();
  };
  // The snapshot comes before the first entry can: what it says and what is heard then join exactly.
  const startedAt = new Map<string, number>();
  const stop = client.subscribe(() => {
    const state = client.getState();
    if (state === null || heard.length > 0 || startedAt.size > 0) return;
    for (const [stream, seq] of state.cursors) startedAt.set(stream, seq);
    stop();
  });
  await connect();
  return {
    client,
    user,
    heard,
    startedAt,
    heardOf: (stream) => heard.filter((entry) => entry.stream === stream),
    comeBack: connect,
    async signInAgain() {
      await client.signIn({ username: user.username, password: PASSWORD });
      await connect();
    },
    close: () => client.disconnect(),
  };
}

export function newUsername(): string {
  return `p${newId().slice(-12)}`;
}

/** Waits until a device is online and knows exactly what a fresh snapshot says (rule R2). */
export async function expectUpToDate({ client }: Device, timeout = 10_000): Promise<void> {
  await vi.waitFor(
    async () => {
      const fresh = await client.rest.bootstrap();
      expect(client.getConnection()).toEqual({ status: 'online' });
      expect(knownBy(client)).toEqual(inOrder(fresh));
    },
    { timeout, interval: 5 },
  );
}

function knownBy(client: Client): Snapshot | null {
  const state = client.getState();
  return state && snapshotFromState(state);
}

/** A snapshot with its lists by id, as `snapshotFromState` has them. */
function inOrder({ users, channels, directory, ...rest }: Snapshot): Snapshot {
  const byId = <Value extends { readonly id: string }>(values: readonly Value[]) =>
    values.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { ...rest, users: byId(users), channels: byId(channels), directory: byId(directory) };
}

/** A channel's whole log, as the REST door has it. */
export async function wholeLog({ rest }: Client, channelId: string): Promise<Entry[]> {
  const log: Entry[] = [];
  for (;;) {
    const after = String(log.at(-1)?.seq ?? 0);
    const { entries, head } = await rest.readLog({ params: { id: channelId }, query: { after, limit: '500' } });
    log.push(...entries);
    if (log.length >= head || entries.length === 0) return log;
  }
}

/**
 * Checks what a device heard of a channel against its log: each entry as it stands there, none twice, none out of its
 * order, and none left out but those of a time in which the person was no member (rules D1, D2, A1). To be called when
 * the device is up to date.
 */
export function expectHeardLog(device: Device, log: readonly Entry[]): void {
  const stream = log[0]?.stream ?? '';
  const heard = device.heardOf(stream);
  expect(heard).toEqual(heard.map(({ seq }) => log[seq - 1]));

  const ins = placesOf(log, device.user.id, ['member.joined']);
  const outs = placesOf(log, device.user.id, ['member.left', 'member.removed']);
  let at = device.startedAt.get(stream) ?? 0;
  for (const { seq } of heard) {
    if (seq !== at + 1) {
      // A leap leads to just after an entry into the channel, over the exit before it.
      expect(ins, `a gap before ${seq}`).toContain(seq - 1);
      expect(at === 0 || outs.some((out) => at <= out && out < seq), `a gap from ${at} to ${seq}`).toBe(true);
    }
    at = seq;
  }
  const lastIn = Math.max(device.startedAt.get(stream) ?? 0, ...ins);
  const isMember = !outs.some((out) => out > lastIn);
  expect(Math.max(at, isMember ? lastIn : 0)).toBe(isMember ? log.length : at);
  if (!isMember) expect(at).toBeLessThanOrEqual(Math.max(...outs));
}

function placesOf(log: readonly Entry[], userId: string, types: readonly Entry['event']['type'][]): number[] {
  return log.flatMap(({ seq, event }) =>
    types.includes(event.type) && 'userId' in event && event.userId === userId ? [seq] : [],
  );
}
