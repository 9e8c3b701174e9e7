import type { MyChannel, SignedIn } from '@parley/protocol';
import type { ParleyServer } from './parley-server.ts';

const AT_ONCE = 2;

/** Registers people named `prefix1`, `prefix2`, … and returns their access tokens and names. */
export async function registerPeople(server: ParleyServer, prefix: string, count: number): Promise<SignedIn[]> {
  const people: SignedIn[] = [];
  while (people.length < count) {
    const group = Array.from({ length: Math.min(AT_ONCE, count - people.length) }, (_, offset) =>
      registerPerson(server, `${prefix}${people.length + offset + 1}`),
    );
    people.push(...(await Promise.all(group)));
  }
  return people;
}

export function registerPerson(server: ParleyServer, username: string): Promise<SignedIn> {
  const password = `correct horse battery ${username}`;
  return server.request('POST', '/auth/register', { body: { username, password } });
}

export function createChannel(
  server: ParleyServer,
  creator: SignedIn,
  name: string,
  members: readonly SignedIn[] = [],
): Promise<MyChannel> {
  return server.request('POST', '/channels', {
    token: creator.accessToken,
    body: { name, kind: 'private', members: members.map(({ user }) => user.username) },
  });
}
