import { newId, type User } from '@parley/protocol';
import { openStore } from '../../open-store.ts';
import { Cast } from '../../test/cast.ts';

const PER_BATCH = 1_000;
const BODIES = [
  'hello',
  'Grüße, 世界! 👩‍👩‍👧‍👦 \u202eright to left\u202c é é',
  'quotes " and \' and \\ and {braces, NULL, "x"}\nand\tlines\r\n',
  'NULL',
  '{}',
  '\u0001\u001f\u007f\uffff',
];

/**
 * Fills an SQLite file with what a workspace collects: people, channels of every kind (one that nobody wrote in, one
 * archived), `messages` messages of many lengths, read cursors, sessions that live, were renewed, and have ended, and
 * somebody to whom nothing has happened yet.
 */
export async function seedFile(path: string, messages: number): Promise<{ people: User[]; channels: string[] }> {
  const storage = { dataDir: '', sqlitePath: path, synchronous: 'off', allowWeakDurability: true } as const;
  const store = await openStore({ storage });
  const cast = new Cast(store);
  const [owner, second, ...others] = await cast.people(8);
  const people: User[] = [owner, second, ...others];
  const opened = await Promise.all([
    cast.channel(owner, { kind: 'public', name: 'Everybody ☕', members: people.slice(1) }),
    cast.channel(second, { kind: 'private', members: people.slice(2) }),
    cast.channel(owner, { kind: 'public', name: 'finished', members: people.slice(1) }),
    cast.conversation(owner, second.username).then(({ channel }) => channel),
  ]);
  await cast.channel(owner, { kind: 'private', name: 'nobody wrote here' });

  let posted = 0;
  while (posted < messages) {
    const batch = Array.from({ length: Math.min(PER_BATCH, messages - posted) }, () => {
      const channel = opened[posted % 10 === 0 ? posted % 4 : 0] as { id: string };
      const author = posted % 2 ? owner : second;
      const body = posted % 997 === 0 ? 'long 語'.repeat(1_300) : `${BODIES[posted % BODIES.length]} ${posted}`;
      posted += 1;
      return cast.message(author, channel, body);
    });
    await store.postMessages(batch);
  }

  for (const [place, person] of people.entries()) {
    const channel = opened[0] as { id: string };
    await cast.read(person, channel, 100 * place + 1);
    const [ended, living] = [newId(), newId()];
    for (const id of [ended, living]) {
      await store.createSession({
        ...{ id, userId: person.id, refreshTokenHash: `token of ${id}`, at: cast.at(), expiresAt: cast.at() * 2 },
      });
    }
    await store.endSession({ sessionId: ended, reason: 'logout', at: cast.at() });
    await store.rotateRefreshToken({
      ...{ hash: `token of ${living}`, successorHash: `next of ${living}`, at: cast.at(), graceMs: 0 },
    });
  }
  const finished = opened[2] as { id: string };
  const { rev } = await store.getChannel({ userId: owner.id, channelId: finished.id });
  await store.updateChannel({ actorId: owner.id, channelId: finished.id, rev, archived: true, at: cast.at() });
  await cast.remove(owner, opened[0] as { id: string }, others[5]);
  people.push(await cast.person());
  await store.ping({});
  await store.close();
  return { people, channels: opened.map(({ id }) => id) };
}
