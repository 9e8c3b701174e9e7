import { type EndpointName, endpoints, newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server/src/test/test-server.ts';
import { createClient } from './client.ts';
import { type Device, expectUpToDate, newUsername, openDevice } from './test/device.ts';
import type { Rest } from './types.ts';

/**
 * The law of snapshots and streams, for every request that changes something: a client that follows the streams knows,
 * after the change, exactly what a new client would be told. It is held for whoever did it, their other device, and
 * everybody else: another member, and somebody who is not in the channel.
 */

let server: TestServer;
let owner: Device;
let ownersOther: Device;
let member: Device;
let outsider: Device;

beforeAll(async () => {
  server = await startTestServer();
  [owner, member, outsider] = await Promise.all([open(), open(), open()]);
  ownersOther = await open(name(owner));
});
afterAll(async () => {
  for (const device of everybody()) device.close();
  await server.close();
});

const open = (username?: string) => openDevice({ url: server.url, ...(username && { username }) });
const everybody = () => [owner, ownersOther, member, outsider];
const name = ({ user }: Device) => user.username;

async function expectLaw(): Promise<void> {
  for (const device of everybody()) await expectUpToDate(device, 3_000);
}

/** A device's requests, with the law checked after each. */
function ask({ client }: Device): Rest {
  return new Proxy(client.rest, {
    get: (rest, endpoint: EndpointName) => async (request: never) => {
      const answer = await (rest[endpoint] as (request: never) => Promise<unknown>)(request);
      await expectLaw();
      return answer;
    },
  });
}

type Kind = 'public' | 'private';

/** A channel of the owner's with the other member in it, and a message of each. */
async function aChannel(kind: Kind = 'public'): Promise<{ id: string; rev: number }> {
  const channel = await ask(owner).createChannel({
    body: { name: newId(), kind, members: [member.user.username] },
  });
  await post(owner, channel.id);
  await post(member, channel.id);
  return channel;
}

const post = (device: Device, id: string) => ask(device).postMessage({ params: { id }, body: { body: 'hello' } });
/** What each request can change, in each way in which it can change it. */
const CHANGES: { readonly [Name in EndpointName]?: Record<string, () => Promise<unknown>> } = {
  register: {
    'a new person': () =>
      createClient({ url: server.url }).register({ username: newUsername(), password: 'a long one' }),
    'a new person with a name': () =>
      createClient({ url: server.url }).register({
        username: newUsername(),
        password: 'a long one',
        displayName: 'Di',
      }),
  },
  login: { 'one device more': async () => (await open(name(owner))).close() },
  refresh: {
    'a renewed session': async () => {
      const body = { username: name(owner), password: 'a long enough passphrase' };
      const { refreshToken = '' } = await ask(owner).login({ body });
      await ask(owner).refresh({ body: { refreshToken } });
    },
  },
  logout: {
    'one device less': async () => {
      const third = await open(name(owner));
      await third.client.signOut();
    },
  },
  createChannel: {
    'a public channel': () => ask(owner).createChannel({ body: { name: newId(), kind: 'public' } }),
    'a private channel': () => ask(owner).createChannel({ body: { name: newId(), kind: 'private' } }),
    'a channel with members and a topic': () =>
      ask(owner).createChannel({
        body: { name: newId(), kind: 'private', topic: 'this and that', members: [name(member), name(owner)] },
      }),
  },
  startConversation: {
    'a conversation of two': () => ask(owner).startConversation({ body: { usernames: [name(member)] } }),
    'a conversation of three': () =>
      ask(owner).startConversation({ body: { usernames: [name(member), name(outsider)] } }),
    'a conversation with oneself': () => ask(owner).startConversation({ body: { usernames: [name(owner)] } }),
    'a conversation that is there already': async () => {
      await ask(owner).startConversation({ body: { usernames: [name(member)] } });
      await ask(member).startConversation({ body: { usernames: [name(owner)] } });
    },
  },
  updateChannel: {
    'a new name': () => changed('public', { name: newId() }),
    'a new name of a private channel': () => changed('private', { name: newId() }),
    'a new topic': () => changed('public', { topic: 'something else' }),
    'no topic any more': async () => {
      const { id, rev } = await changed('public', { topic: 'for now' });
      await ask(owner).updateChannel({ params: { id }, body: { rev, topic: '' } });
    },
    'the same as before': () => changed('public', { topic: '' }),
    'into the archive': () => changed('public', { archived: true }),
    'into the archive, privately': () => changed('private', { archived: true }),
    'out of the archive under another name': async () => {
      const { id, rev } = await changed('public', { archived: true });
      await ask(owner).updateChannel({ params: { id }, body: { rev, archived: false, name: newId() } });
    },
  },
  joinChannel: {
    'somebody new': async () => ask(outsider).joinChannel({ params: { id: (await aChannel()).id } }),
    'somebody who is in already': async () => ask(member).joinChannel({ params: { id: (await aChannel()).id } }),
    'somebody who left before': async () => {
      const { id } = await aChannel();
      await ask(member).leaveChannel({ params: { id } });
      await post(owner, id);
      await ask(member).joinChannel({ params: { id } });
      await post(owner, id);
    },
  },
  leaveChannel: {
    'a member': async () => ask(member).leaveChannel({ params: { id: (await aChannel()).id } }),
    'a member of a private channel': async () =>
      ask(member).leaveChannel({ params: { id: (await aChannel('private')).id } }),
    'the only owner, whom somebody follows': async () =>
      ask(owner).leaveChannel({ params: { id: (await aChannel()).id } }),
    'the last of all': async () => {
      const { id } = await ask(owner).createChannel({ body: { name: newId(), kind: 'public' } });
      await ask(owner).leaveChannel({ params: { id } });
    },
  },
  addMembers: {
    'one who is new and one who is not': async () =>
      ask(owner).addMembers({
        params: { id: (await aChannel('private')).id },
        body: { usernames: [name(outsider), name(member)] },
      }),
    'one who was removed before': async () => {
      const { id } = await aChannel('private');
      await ask(owner).removeMember({ params: { id, userId: member.user.id } });
      await post(owner, id);
      await ask(owner).addMembers({ params: { id }, body: { usernames: [name(member)] } });
    },
  },
  changeMemberRole: {
    'a moderator': () => promoted('moderator'),
    'a second owner': () => promoted('owner'),
    'a member, as before': () => promoted('member'),
  },
  removeMember: {
    'somebody else': async () => removed('public', member),
    'somebody else, from a private channel': async () => removed('private', member),
    oneself: async () => removed('public', owner),
  },
  postMessage: {
    'a message': async () => post(member, (await aChannel()).id),
    'the same message again': async () => {
      const { id } = await aChannel();
      const again = () => ask(owner).postMessage({ params: { id }, body: { id: one, body: 'once' } });
      const one = newId();
      await again();
      await again();
    },
  },
  markRead: {
    'up to a message': () => read(4),
    'up to the end': () => read(1_000),
    'less than is read already': () => read(1),
  },
};

async function changed(kind: Kind, body: { name?: string; topic?: string; archived?: boolean }) {
  const { id, rev } = await aChannel(kind);
  return ask(owner).updateChannel({ params: { id }, body: { rev, ...body } });
}

async function promoted(role: 'owner' | 'moderator' | 'member'): Promise<void> {
  const { id } = await aChannel();
  await ask(owner).changeMemberRole({ params: { id, userId: member.user.id }, body: { role } });
}

async function removed(kind: Kind, { user }: Device): Promise<void> {
  const { id } = await aChannel(kind);
  await ask(owner).removeMember({ params: { id, userId: user.id } });
  if (user !== owner.user) await post(owner, id);
}

async function read(seq: number): Promise<void> {
  const { id } = await aChannel();
  for (let count = 0; count < 3; count += 1) await post(member, id);
  await ask(owner).markRead({ params: { id }, body: { seq } });
}

const writing = (Object.keys(endpoints) as EndpointName[]).filter((endpoint) => endpoints[endpoint].method !== 'GET');

describe('[R2] a client that follows the streams knows what a fresh snapshot says after', () => {
  for (const endpoint of writing) {
    // A request that is not in the table has no case, and a suite without tests fails.
    test.each(Object.keys(CHANGES[endpoint] ?? { 'nothing, as no change is listed here': null }))(
      `${endpoint}: %s`,
      async (change) => {
        await CHANGES[endpoint]?.[change]?.();
        expect(CHANGES[endpoint]).toHaveProperty([change]);
        await expectLaw();
      },
    );
  }
});
