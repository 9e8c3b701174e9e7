import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { User } from '@parley/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../domain/start-error.ts';
import { openPostgres, type PostgresEngine } from '../../test/postgres-engine.ts';
import { openStore } from '../open-store.ts';
import type { Store } from '../store.ts';
import { Cast } from '../test/cast.ts';
import { aHappening, World } from '../test/happenings.ts';
import { type Moved, moveDatabase, type Progress } from './move-database.ts';
import { openSource } from './source.ts';
import { KEYS } from './tables.ts';
import { openTarget, type Target } from './target.ts';
import { dumpOfDatabase, dumpOfFile } from './test/dump.ts';
import { seedFile } from './test/seeded-file.ts';

/** So many steps of a move change the target: small, so that each run has several. */
const ENOUGH_STEPS = 40;

let engine: PostgresEngine;
let folder: string;
let path: string;
let told: string[];
let files = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-moving-'));
  engine = await openPostgres();
}, 300_000);
beforeEach(() => {
  path = newFile();
  told = [];
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

function newFile(): string {
  files += 1;
  return join(folder, `${files}.db`);
}

const progress: Progress = { begin: () => {}, advance: () => {}, say: (sentence) => told.push(sentence) };

interface MoveOptions {
  /** Ends the run at this call to the target that changes it, before it or after it, as a crash can. */
  readonly diesAt?: { readonly step: number; readonly when: 'before' | 'after' };
}

class Died extends Error {}

/** One run of the command, on connections of its own. */
async function move(url: string, { diesAt }: MoveOptions = {}): Promise<Moved> {
  const source = openSource(path);
  try {
    const target = await openTarget({ url, allowWeakDurability: false, patienceMs: 1_000 }, source);
    let step = 0;
    const mortal = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      step += 1;
      if (diesAt?.step === step && diesAt.when === 'before') throw new Died();
      const result = await work();
      if (diesAt?.step === step) throw new Died();
      return result;
    };
    const mortalTarget: Target = {
      ...target,
      // One row a trip, so that every place between two rows is one at which a run can end.
      insert: async (table, rows) => {
        for (const row of rows) await mortal(() => target.insert(table, [row]));
      },
      startOver: () => mortal(target.startOver),
      finish: () => mortal(target.finish),
    };
    try {
      return await moveDatabase(source, diesAt ? mortalTarget : target, {
        signal: new AbortController().signal,
        progress,
      });
    } finally {
      await target.close();
    }
  } finally {
    source.close();
  }
}

async function inStore<Result>(storage: { sqlitePath?: string; postgresUrl?: string }, work: (store: Store) => Result) {
  const settings = { dataDir: '', sqlitePath: '', synchronous: 'off', allowWeakDurability: true } as const;
  const store = await openStore({ storage: { ...settings, ...storage } });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

describe('moving a database', () => {
  test('[R2] [D4] whatever happened in it, and wherever runs are cut off, everybody starts from the same snapshot', async () => {
    const aDeath = fc.record({
      step: fc.integer({ min: 1, max: ENOUGH_STEPS }),
      when: fc.constantFrom('before', 'after'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(aHappening, { minLength: 20, maxLength: 60 }),
        fc.array(aDeath, { maxLength: 3 }),
        async (happenings, deaths) => {
          path = newFile();
          const [people, before] = await inStore({ sqlitePath: path }, async (store) => {
            const cast = new Cast(store);
            const world = new World(cast, await cast.people(3));
            for (const happening of happenings) await world.try(happening);
            return [world.people, await Promise.all(world.people.map(({ id }) => store.bootstrap({ userId: id })))];
          });
          const url = await engine.database();
          let done = false;
          for (const diesAt of deaths) {
            if (done) break;
            done = await move(url, { diesAt }).then(
              () => true,
              (error) => {
                if (!(error instanceof Died)) throw error;
                return false;
              },
            );
            // It may die after its last step, too.
            done ||= (await engine.administer("select to_regclass('unfinished_move') as it", url))[0]?.it === null;
          }
          if (!done) await move(url);
          expect(await dumpOfDatabase(engine, url)).toEqual(dumpOfFile(path));
          const after = await inStore({ postgresUrl: url }, (store) =>
            Promise.all(people.map(({ id }) => store.bootstrap({ userId: id }))),
          );
          expect(after).toEqual(before);
        },
      ),
      { numRuns: 8 },
    );
    expect(told).toEqual([]);
  });

  test('[S2] the copied log goes on: a message that was acknowledged before is acknowledged with the same seq', async () => {
    const { message, first } = await inStore({ sqlitePath: path }, async (store) => {
      const cast = new Cast(store);
      const [ana] = await cast.people(1);
      const message = cast.message(ana, await cast.channel(ana));
      const [first] = await store.postMessages([message]);
      return { message, first };
    });
    const url = await engine.database();
    await move(url);
    const [again, next] = await inStore({ postgresUrl: url }, (store) =>
      store.postMessages([message, { ...message, id: crypto.randomUUID() }]),
    );
    expect(again).toEqual({ ...first, status: 'duplicate' });
    const { seq = 0, ordinal = 0 } = first && 'message' in first ? first.message : {};
    expect(next).toMatchObject({ status: 'posted', message: { seq: seq + 1, ordinal: ordinal + 1 } });
  });

  test('[S1] what a server that was killed has left in the write-ahead log is moved, and stays there', async () => {
    const original = newFile();
    await inStore({ sqlitePath: original }, async (store) => {
      const cast = new Cast(store);
      const [ana] = await cast.people(1);
      await cast.post(ana, await cast.channel(ana), 'not merged into the file yet');
      for (const ending of ['', '-wal']) cpSync(original + ending, path + ending);
    });
    const bytes = () => ['', '-wal'].map((ending) => readFileSync(path + ending));
    const before = bytes();
    expect(before[1]?.length).toBeGreaterThan(0);
    const url = await engine.database();
    await move(url);
    expect(bytes()).toEqual(before);
    expect(await engine.administer('select body from messages', url)).toEqual([
      { body: 'not merged into the file yet' },
    ]);
    expect(await dumpOfDatabase(engine, url)).toEqual(dumpOfFile(original));
  });

  const changes: Readonly<Record<string, (cast: Cast, owner: User, channel: { id: string }) => Promise<unknown>>> = {
    'a password is hashed anew': ({ store }, owner) => store.setPasswordHash({ userId: owner.id, passwordHash: 'new' }),
    'somebody writes': (cast, owner, channel) => cast.post(owner, channel, 'after the interruption'),
    async 'a name is given to another channel'(cast, owner, { id }) {
      const { rev, name } = await cast.store.getChannel({ userId: owner.id, channelId: id });
      await cast.store.updateChannel({ actorId: owner.id, channelId: id, rev, name: 'was called so', at: cast.at() });
      await cast.channel(owner, { kind: 'public', name: name ?? '' });
    },
  };
  test.each(Object.entries(changes))('where %s after a run was cut off, all is copied again', async (_, change) => {
    const { people, channels } = await seedFile(path, 40);
    const url = await engine.database();
    await expect(move(url, { diesAt: { step: 130, when: 'after' } })).rejects.toThrow(Died);
    const [owner] = people as [User];
    const [id] = channels as [string];
    await inStore({ sqlitePath: path }, (store) => change(new Cast(store), owner, { id }));
    await move(url);
    expect(told).toEqual([expect.stringContaining('is not what the source has now')]);
    expect(await dumpOfDatabase(engine, url)).toEqual(dumpOfFile(path));
  });

  test.each([
    ['only the mark of the move is there', `drop table ${[...Object.keys(KEYS), 'kysely_migration'].join(', ')}`],
    ['the tables are as new ones', "insert into facts values ('epoch', 'of a new database')"],
  ])('a run that was cut off before it copied anything, when %s, is taken up', async (_, soFar) => {
    await seedFile(path, 10);
    const url = await engine.database();
    await expect(move(url, { diesAt: { step: 1, when: 'before' } })).rejects.toThrow(Died);
    await engine.administer(soFar, url);
    await engine.administer('update unfinished_move set copying = false', url);
    await move(url);
    expect(await dumpOfDatabase(engine, url)).toEqual(dumpOfFile(path));
  });

  test('a copy that another version has begun is left to that version', async () => {
    await seedFile(path, 10);
    const url = await engine.database();
    await expect(move(url, { diesAt: { step: 9, when: 'after' } })).rejects.toThrow(Died);
    await engine.administer("insert into kysely_migration values ('9999-later', '2030-01-01')", url);
    await expect(move(url)).rejects.toThrow(/unfinished copy that another version of Parley began/);
  });

  test.each([
    [
      'entries',
      "update entries set at = at + 1 where seq = 3 and stream_id = (select min(stream_id) from entries where type = 'message.posted')",
    ],
    ['messages', "update messages set body = body || ' ' where ordinal = 7"],
    ['messages', 'delete from messages where ordinal = 7'],
    ['memberships', 'update memberships set read_seq = read_seq + 1'],
    ['streams', "insert into streams values ('of nobody', 0, 0)"],
  ])('a copy whose %s are not the same is not handed over: %s', async (table, change) => {
    await seedFile(path, 40);
    const url = await engine.database();
    await expect(move(url, { diesAt: { step: 1, when: 'before' } })).rejects.toThrow(Died);
    const source = openSource(path);
    const opened = await openTarget({ url, allowWeakDurability: false }, source);
    const target: Target = {
      ...opened,
      resumes: false,
      async *pages(which) {
        if (which.name === 'facts') await engine.administer(change, url);
        yield* opened.pages(which);
      },
    };
    const { signal } = new AbortController();
    const moving = moveDatabase(source, target, { signal, progress });
    await expect(moving).rejects.toThrow(`The copy is not the same as ${path}: ${table} `);
    await opened.close();
    source.close();
    await expect(inStore({ postgresUrl: url }, () => {})).rejects.toThrow(/unfinished copy of .*migrate-db --from/);
    await move(url);
    expect(await dumpOfDatabase(engine, url)).toEqual(dumpOfFile(path));
  });

  test('where an admin command writes to the source meanwhile, nothing is handed over', async () => {
    await seedFile(path, 10);
    const url = await engine.database();
    const write = () => {
      const beside = new DatabaseSync(path);
      beside.exec("update users set display_name = display_name || '!'");
      beside.close();
    };
    const source = openSource(path);
    const target = await openTarget({ url, allowWeakDurability: false }, source);
    write();
    const moving = moveDatabase(source, target, { signal: new AbortController().signal, progress });
    await expect(moving).rejects.toThrow(
      /^Something was written to .* while it was copied\. Run the same command again/,
    );
    await target.close();
    source.close();
    await move(url);
    expect(await dumpOfDatabase(engine, url)).toEqual(dumpOfFile(path));
  });

  test('a connection that is lost is told of in a sentence, and the next run goes on', async () => {
    await seedFile(path, 40);
    const url = await engine.database();
    const source = openSource(path);
    const target = await openTarget({ url, allowWeakDurability: false }, source);
    const name = new URL(url).pathname.slice(1);
    let inserts = 0;
    const doomed: Target = {
      ...target,
      async insert(table, rows) {
        inserts += 1;
        if (inserts === 5) {
          await engine.administer(
            `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
          );
        }
        await target.insert(table, rows);
      },
    };
    const moving = moveDatabase(source, doomed, { signal: new AbortController().signal, progress });
    const error = await moving.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(StartError);
    expect(String(error)).toMatch(/The connection to PostgreSQL at .* was lost: .*run the same command again to go on/);
    await target.close();
    source.close();
    await move(url);
    expect(await dumpOfDatabase(engine, url)).toEqual(dumpOfFile(path));
  });
});
