import { randomBytes } from 'node:crypto';
import { newId } from '@parley/protocol';
import { createTokens, type Tokens } from '../../../../packages/server/src/auth/tokens.ts';
import { readConfig } from '../../../../packages/server/src/config/config.ts';
import { systemClock } from '../../../../packages/server/src/domain/clock.ts';
import { openStore } from '../../../../packages/server/src/storage/open-store.ts';
import type { Store } from '../../../../packages/server/src/storage/store.ts';
import { environmentFor, type Settings } from './parley-server.ts';

export interface SeedShape {
  readonly people: number;
  /** All of the same size; a multiple of `roomsEach`. */
  readonly rooms: number;
  /** Channels that each person is a member of. */
  readonly roomsEach: number;
}

export interface Seeded {
  readonly people: readonly SeededPerson[];
  readonly rooms: readonly { readonly channelId: string; readonly members: readonly SeededPerson[] }[];
}

export interface SeededPerson {
  readonly username: string;
  readonly token: string;
  /** Places of their channels in `rooms`. */
  readonly rooms: readonly number[];
}

/** What the tokens are signed with, here and by the server that is to take them. */
export const SEEDED_SECRET = randomBytes(32).toString('base64url');

const AT_ONCE = 50;
const ROOMS_AT_ONCE = 8;
const SESSION_MS = 24 * 3_600_000;

/**
 * Fills an empty database with people, each with a session of their own, and private channels, through the very
 * operations that the server runs, before the server is started. Only the passwords are left out, which would cost 150 ms
 * of CPU each: the access tokens are signed here instead of being asked for.
 */
export async function seed(folder: string, settings: Settings, shape: SeedShape): Promise<Seeded> {
  const config = readConfig(environmentFor(folder, { ...settings, PARLEY_SECRET: SEEDED_SECRET }));
  const { accessTokenTtlMs } = config.auth;
  const tokens = createTokens({ secret: Buffer.from(SEEDED_SECRET), accessTokenTtlMs, clock: systemClock });
  const store = await openStore(config, { exclusively: true });
  try {
    const numbers = Array.from({ length: shape.people }, (_, number) => number);
    const people = await inGroups(numbers, AT_ONCE, (number) => signUp(store, tokens, number, shape));
    const rooms = await inGroups(
      Array.from({ length: shape.rooms }, (_, room) => room),
      ROOMS_AT_ONCE,
      (room) =>
        openRoom(
          store,
          room,
          people.filter((person) => person.rooms.includes(room)),
        ),
    );
    return { people, rooms };
  } finally {
    await store.close();
  }
}

interface NewPerson extends SeededPerson {
  readonly userId: string;
}

async function signUp(store: Store, tokens: Tokens, number: number, shape: SeedShape): Promise<NewPerson> {
  const username = `person${number}`;
  const [userId, sessionId, at] = [newId(), newId(), Date.now()];
  await store.registerUser({ id: userId, username, displayName: username, passwordHash: 'none', at });
  const session = { id: sessionId, userId, refreshTokenHash: `none of ${sessionId}`, at, expiresAt: at + SESSION_MS };
  await store.createSession(session);
  const token = await tokens.issueAccessToken({ userId, sessionId, username });
  return { userId, username, token, rooms: roomsOf(number, shape) };
}

async function openRoom(store: Store, room: number, members: readonly NewPerson[]) {
  const [creator, ...others] = members;
  if (!creator) throw new Error('A room needs somebody in it.');
  const usernames = others.map(({ username }) => username);
  const { id: channelId } = await store.createChannel({
    ...{ id: newId(), actorId: creator.userId, name: `room ${room}`, kind: 'private', topic: '' },
    ...{ usernames, at: Date.now() },
  });
  return { channelId, members };
}

/** The rooms lie in as many bands as a person has rooms; who meets in one band hardly ever meets in the next. */
export function roomsOf(person: number, { rooms, roomsEach }: SeedShape): number[] {
  const band = rooms / roomsEach;
  return Array.from(
    { length: roomsEach },
    (_, index) => index * band + ((person + Math.floor(person / band) * index) % band),
  );
}

async function inGroups<Item, Result>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += size) {
    results.push(...(await Promise.all(items.slice(from, from + size).map(work))));
  }
  return results;
}
