import type { Entry, Message } from '@parley/protocol';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type OwnPostgres, startPostgres } from '../../test/postgres-engine.ts';
import type { Store } from '../store.ts';
import { Cast, refusalOf } from '../test/cast.ts';
import { MIGRATION_LOCK } from './migrate.ts';
import { openPostgresStore } from './postgres-store.ts';
import { everyMessage, postUntilAcked } from './test/posting.ts';
import { Wire } from './test/wire.ts';

let engine: OwnPostgres;
let url: string;
let wire: Wire;
let store: Store;
let cast: Cast;
let told: Entry[];

beforeAll(async () => {
  engine = await startPostgres();
}, 300_000);
afterAll(() => engine.close());

beforeEach(async () => {
  url = await engine.database();
  wire = await Wire.to(url);
  store = await openPostgresStore({ url: wire.url, allowWeakDurability: false });
  cast = new Cast(store);
  told = [];
  store.onCommitted((entries) => told.push(...entries));
});
afterEach(async () => {
  wire.mend();
  await store.close();
  await wire.close();
});

/** Every acknowledged message stands in the log once, at the place it was acknowledged with, and nothing else does. */
async function expectExactly(
  acked: readonly Message[],
  reader: Parameters<typeof everyMessage>[1],
  channel: { id: string },
) {
  const there = await everyMessage(store, reader, channel);
  expect(there).toEqual([...acked].sort((a, b) => a.seq - b.seq));
  expect(there.map(({ ordinal }) => ordinal)).toEqual(there.map((_, index) => index + 1));
  const { entries, head } = await store.readEntries({ stream: channel.id, after: 0, limit: 10_000 });
  expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, index) => index + 1));
}

/** Four people who post at once, each one message after the other, until all are acknowledged. */
async function aBusyChannel(each: number) {
  const people = await cast.people(4);
  const [ana] = people;
  const channel = await cast.channel(ana, { members: people });
  const queues = people.map((person) => Array.from({ length: each }, () => cast.message(person, channel)));
  const acked: Message[][] = [];
  const posting = Promise.all(
    queues.map(async (queue) => {
      acked.push(await postUntilAcked(store, queue));
    }),
  );
  const finished = async () => {
    await posting;
    await expectExactly(acked.flat(), ana, channel);
    for (const [place, person] of people.entries()) {
      const ids = (await everyMessage(store, ana, channel)).filter(({ authorId }) => authorId === person.id);
      expect(ids.map(({ id }) => id)).toEqual(queues[place]?.map(({ id }) => id));
    }
  };
  return { finished, channel, ana };
}

async function millisOf(attempt: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await attempt.catch(() => {});
  return performance.now() - started;
}

/** Resolves when new connections see it. */
async function setFsync(value: 'on' | 'off'): Promise<void> {
  await engine.administer(`alter system set fsync = ${value}`);
  await engine.administer('select pg_reload_conf()');
  for (let found: unknown; found !== value; ) found = (await engine.administer('show fsync'))[0]?.fsync;
}

const terminateAll = () =>
  engine.administer(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${new URL(url).pathname.slice(1)}'`,
  );

describe('a PostgreSQL store that loses its connections', () => {
  test('[S1] [S2] [O3] terminated again and again under load, loses, doubles and reorders nothing', async () => {
    const { finished } = await aBusyChannel(150);
    let isOver = false;
    const over = finished().finally(() => (isOver = true));
    for (let round = 0; round < 10 && !isOver; round += 1) {
      await terminateAll();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await over;
  });

  test('[S1] [S2] [O3] whose server crashes and starts again under load, works again by itself', async () => {
    const { finished, channel, ana } = await aBusyChannel(150);
    const over = finished();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await engine.stop('immediate');
    expect(await millisOf(store.ping({}))).toBeLessThan(5_000);
    const answers = [
      cast.post(ana, channel),
      store.findCredentials({ username: ana.username }),
      store.listMessages({ userId: ana.id, channelId: channel.id, limit: 1 }),
      store.joinChannel({ userId: ana.id, channelId: channel.id, at: 1 }),
    ];
    expect(await Promise.all(answers.map(refusalOf))).toEqual(answers.map(() => 'unavailable'));
    await engine.start();
    await over;
    await store.ping({});
  }, 60_000);

  test('whose server is silent, is answered within 5 s, and works again when the server goes on', async () => {
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    await engine.pause();
    const message = cast.message(ana, channel);
    const times = await Promise.all([
      millisOf(store.postMessages([message])),
      millisOf(store.bootstrap({ userId: ana.id })),
      ...Array.from({ length: 30 }, () => millisOf(store.postMessages([cast.message(ana, channel)]))),
    ]);
    engine.resume();
    expect(Math.max(...times)).toBeLessThan(5_000);
    const [acked] = await postUntilAcked(store, [message]);
    expect(acked?.id).toBe(message.id);
  }, 60_000);

  test('whose words are swallowed on the way, is answered within 5 s, and goes on when the wire is mended', async () => {
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    void wire.meet('swallow');
    const attempts = [cast.post(ana, channel), store.findCredentials({ username: 'ana' })];
    const times = Promise.all(attempts.map(millisOf));
    expect(await Promise.all(attempts.map(refusalOf))).toEqual(['unavailable', 'unavailable']);
    expect(Math.max(...(await times))).toBeLessThan(5_000);
    wire.mend();
    await cast.post(ana, channel);
  }, 60_000);

  test('tells callers that it cannot, and the log why', async () => {
    const ana = await cast.person();
    wire.cut();
    const error = await store.listMyChannels({ userId: ana.id }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'unavailable', message: 'The database cannot do this now.' });
    expect((error as Error).cause).toBeInstanceOf(Error);
  });
});

describe('an answer to COMMIT that is lost', () => {
  test.each(['lose-answer-to-commit', 'lose-commit'] as const)(
    '[S2] [S3] is found out (%s): the batch is acknowledged and told once, and nothing is there twice',
    async (fate) => {
      const [ana, bob] = await cast.people(2);
      const channel = await cast.channel(ana, { members: [bob] });
      const batch = [ana, bob, ana].map((author) => cast.message(author, channel));
      const struck = wire.meet(fate);
      const posting = store.postMessages([...batch, batch[0] as (typeof batch)[0]]);
      await struck;
      const outcomes = await posting;
      expect(outcomes.map(({ status }) => status)).toEqual(['posted', 'posted', 'posted', 'duplicate']);
      const acked = outcomes.flatMap((outcome) => ('message' in outcome ? [outcome.message] : [])).slice(0, 3);
      await expectExactly(acked, ana, channel);
      const { entries } = await store.readEntries({ stream: channel.id, after: 0, limit: 100 });
      expect(told.filter(({ stream }) => stream === channel.id)).toEqual(entries);
    },
  );

  test('[S3] is not guessed where the database stays away: a resend finds out', async () => {
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    const message = cast.message(ana, channel);
    const struck = wire.meet('lose-answer-to-commit');
    const posting = refusalOf(store.postMessages([message]));
    await struck;
    wire.cut();
    expect(await posting).toBe('unavailable');
    wire.mend();
    expect(await store.postMessages([message])).toMatchObject([{ status: 'duplicate' }]);
    expect((await cast.mine(ana, channel)).messageCount).toBe(1);
  });

  test('[S3] of anything else is unknown', async () => {
    const [ana, bob] = await cast.people(2);
    const channel = await cast.channel(ana, { kind: 'public' });
    const struck = wire.meet('lose-answer-to-commit');
    const joining = refusalOf(cast.join(bob, channel));
    await struck;
    expect(await joining).toBe('unavailable');
    expect((await cast.join(bob, channel)).memberCount).toBe(2);
  });
});

describe('a server', () => {
  test('that starts later than Parley is waited for', async () => {
    await engine.stop('fast');
    let isWaiting = () => {};
    const waiting = new Promise<void>((resolve) => (isWaiting = resolve));
    const opening = openPostgresStore({ url, allowWeakDurability: false, onWaiting: () => isWaiting() });
    await waiting;
    await engine.start();
    await (await opening).close();
  }, 60_000);

  test('that goes away while Parley prepares it is waited for, too', async () => {
    const holder = new Client({ connectionString: url });
    await holder.connect();
    await holder.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const opening = openPostgresStore({ url, allowWeakDurability: false });
    const endWhoeverWaits = `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted`;
    await vi.waitFor(async () => expect(await engine.administer(endWhoeverWaits, url)).toHaveLength(1), 10_000);
    await holder.end();
    const opened = await opening;
    await opened.ping({});
    await opened.close();
  });

  test('[S1] that does not sync is refused, or warned of where that is permitted', async () => {
    await setFsync('off');
    await expect(openPostgresStore({ url, allowWeakDurability: false })).rejects.toThrow(
      /^PostgreSQL runs with fsync=off: .* Turn it on, or say PARLEY_ALLOW_WEAK_DURABILITY=1/,
    );
    const weak = await openPostgresStore({ url, allowWeakDurability: true });
    expect(weak.warnings).toEqual([expect.stringContaining('fsync=off')]);
    await weak.close();
    await setFsync('on');
  });

  test('whose tables a newer node has changed goes on answering an older one', async () => {
    const ana = await cast.person();
    const channel = await cast.channel(ana);
    await Promise.all(Array.from({ length: 30 }, () => cast.post(ana, channel)));
    await Promise.all(
      Array.from({ length: 30 }, () => store.listMessages({ userId: ana.id, channelId: channel.id, limit: 5 })),
    );
    await engine.administer('alter table messages add column later text', url);
    const page = () => store.listMessages({ userId: ana.id, channelId: channel.id, limit: 5 });
    for (const { messages } of await Promise.all(Array.from({ length: 30 }, page))) expect(messages.length).toBe(5);
    await cast.post(ana, channel);
  });
});
