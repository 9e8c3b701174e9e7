import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Message, newId, type User, WORKSPACE_STREAM } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { Hub } from '../../delivery/hub.ts';
import { connect } from '../../delivery/test/node.ts';
import { openStore } from '../open-store.ts';
import type { OperationInput, OperationName, OperationResult, PostOutcome, Store } from '../store.ts';
import { Cast } from '../test/cast.ts';
import type { Ask, Told } from '../test/store-process.ts';

const PROCESS = fileURLToPath(new URL('../test/store-process.ts', import.meta.url));

let folder: string;
let path: string;
let children: ChildProcess[];
let stores: Store[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-processes-'));
  path = join(folder, 'parley.db');
  children = [];
  stores = [];
});

afterEach(async () => {
  await Promise.all(children.map(killed));
  for (const store of stores) await store.close();
  rmSync(folder, { recursive: true });
});

async function openHere(options: { exclusively?: boolean } = {}): Promise<Store> {
  const storage = { dataDir: folder, sqlitePath: path, synchronous: 'full', allowWeakDurability: false } as const;
  const store = await openStore({ storage }, options);
  stores.push(store);
  return store;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** The same database in a process of its own. `most` bounds how large a file it may write, in KiB. */
async function openElsewhere({ exclusively = false, most }: { exclusively?: boolean; most?: number } = {}) {
  const args = [PROCESS, path, exclusively ? 'exclusively' : 'beside'];
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  const child =
    most === undefined
      ? spawn(process.execPath, args, { stdio: [...stdio] })
      : spawn('bash', ['-c', `ulimit -S -f ${most}; exec "$0" "$@"`, process.execPath, ...args], { stdio: [...stdio] });
  children.push(child);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const opened = Promise.withResolvers<void>();
  child.on('message', (told: Told) => {
    if (told.type === 'opened') opened.resolve();
    else if (told.type === 'refused') opened.reject(new Error(told.reason));
    else if (told.type === 'done') waiting.get(told.id)?.resolve(told.value);
    else waiting.get(told.id)?.reject(Object.assign(new Error(told.message), { code: told.code }));
  });
  await opened.promise;
  let lastId = 0;
  return {
    child,
    ask<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationResult<Name>> {
      const id = ++lastId;
      const answer = Promise.withResolvers<unknown>();
      waiting.set(id, answer);
      child.send({ id, name, input } satisfies Ask);
      return answer.promise as Promise<OperationResult<Name>>;
    },
  };
}

const aPerson = () => ({ id: newId(), username: `p${newId().slice(-12)}`, displayName: 'P', passwordHash: 'h', at: 1 });

describe('one database and several processes', () => {
  test('a second server on the same file is refused with a sentence, until the first has ended, however it ends', async () => {
    const { child } = await openElsewhere({ exclusively: true });
    const refusal =
      /^Another Parley server is using .*parley\.db\. Stop it first, or give this one another PARLEY_DATA_DIR\.$/;
    await expect(openElsewhere({ exclusively: true })).rejects.toThrow(refusal);
    await expect(openHere({ exclusively: true })).rejects.toThrow(refusal);
    await killed(child);
    const store = await openHere({ exclusively: true });
    await expect(openHere({ exclusively: true })).rejects.toThrow(refusal);
    await store.close();
    await openElsewhere({ exclusively: true });
  });

  test('an admin command works beside a running server while it writes', async () => {
    const store = await openHere({ exclusively: true });
    const cast = new Cast(store);
    const owner = await cast.person();
    const channel = await cast.channel(owner);
    const beside = await openElsewhere();
    await Promise.all([
      ...Array.from({ length: 50 }, () => cast.post(owner, channel)),
      ...Array.from({ length: 20 }, () => beside.ask('registerUser', aPerson())),
    ]);
    expect((await cast.mine(owner, channel)).messageCount).toBe(50);
    const { entries, head } = await store.readEntries({ stream: WORKSPACE_STREAM, after: 0, limit: 100 });
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    expect(head).toBe(21);
  });

  test('[D3] what another process commits reaches the connected here by a comparison of heads', async () => {
    const store = await openHere({ exclusively: true });
    const ana = await new Cast(store).person();
    const hub = new Hub(store, new MemoryBus().connect());
    const { listener, started } = await connect({ store, hub }, ana);
    await started;
    const user = await (await openElsewhere()).ask('registerUser', aPerson());
    await hub.compareHeads();
    await listener.reach({ [WORKSPACE_STREAM]: 2 });
    expect(listener.entries(WORKSPACE_STREAM)).toMatchObject([{ seq: 2, event: { type: 'user.registered', user } }]);
  });

  test('[S1] [S2] [O1] a process killed in the middle of its work has lost nothing that it acknowledged', async () => {
    const { child, ask } = await openElsewhere({ exclusively: true });
    const ana = await ask('registerUser', aPerson());
    const channel = await ask('createChannel', {
      ...{ id: newId(), actorId: ana.id, name: 'here', kind: 'private', topic: '', usernames: [], at: 1 },
    });
    const cast = new Cast({} as Store);
    const sent = Array.from({ length: 4_000 }, () => cast.message(ana, channel));
    const acked: Message[] = [];
    for (const message of sent) {
      void ask('postMessages', [message]).then(([outcome]) => {
        if (outcome?.status === 'posted') acked.push(outcome.message);
      });
    }
    while (acked.length < 500) await new Promise((resolve) => setImmediate(resolve));
    await killed(child);

    const store = await openHere({ exclusively: true });
    const there = await everyMessage(store, ana, channel);
    expect(there.slice(0, acked.length)).toEqual(acked);
    expect(there.map(({ ordinal }) => ordinal)).toEqual(there.map((_, index) => index + 1));
    expect(there.map(({ id }) => id)).toEqual(sent.slice(0, there.length).map(({ id }) => id));
    const outcomes = await store.postMessages(sent);
    expect(outcomes.map(({ status }) => status)).toEqual(
      sent.map((_, place) => (place < there.length ? 'duplicate' : 'posted')),
    );
    expect((await everyMessage(store, ana, channel)).map(({ id }) => id)).toEqual(sent.map(({ id }) => id));
  }, 60_000);
});

// A bound on the size of files that is lifted again stands for a disk that fills up and is cleared: the system call
// that does it to a living process exists on Linux alone.
describe.runIf(process.platform === 'linux')('[S1] a full disk (on Linux)', () => {
  const fileSize = (pid: number | undefined, soft: string) =>
    promisify(spawnAndWait)('prlimit', ['--pid', String(pid), `--fsize=${soft}:unlimited`]);

  test('refuses definitely, goes on reading, recovers without a restart, and loses nothing acknowledged', async () => {
    const { child, ask } = await openElsewhere({ exclusively: true, most: 2_048 });
    const ana = await ask('registerUser', aPerson());
    const channel = await ask('createChannel', {
      ...{ id: newId(), actorId: ana.id, name: 'here', kind: 'private', topic: '', usernames: [], at: 1 },
    });
    const cast = new Cast({} as Store);
    const body = 'x'.repeat(4_000);
    const acked: Message[] = [];
    const post = async (message = cast.message(ana, channel, body)) => {
      const [outcome] = await ask('postMessages', [message]);
      acked.push(posted(outcome));
    };
    const filling = (async () => {
      for (;;) await post();
    })();
    await expect(filling).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/database/) });
    expect(acked.length).toBeGreaterThan(50);

    const refused = Array.from({ length: 10 }, () => cast.message(ana, channel, body));
    const reading = ask('listMessages', { userId: ana.id, channelId: channel.id, limit: 100 });
    const answers = await Promise.allSettled([
      ...refused.map((message) => ask('postMessages', [message])),
      ask('ping', {}),
      ask('advanceRead', { userId: ana.id, channelId: channel.id, seq: 1, at: 1 }),
    ]);
    const codes = answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'answered'));
    expect(codes.slice(0, 11)).toEqual(Array(11).fill('unavailable'));
    expect((await reading).messages).toEqual(acked.slice(-100));
    expect((await ask('listMessages', { userId: ana.id, channelId: channel.id, limit: 100 })).messages).toEqual(
      acked.slice(-100),
    );

    await fileSize(child.pid, 'unlimited');
    await ask('ping', {});
    for (const message of refused) await post(message);
    await killed(child);
    expect(await everyMessage(await openHere(), ana, channel)).toEqual(acked);
  }, 60_000);

  test('that is full already when the server starts is told as a sentence', async () => {
    await expect(openElsewhere({ exclusively: true, most: 16 })).rejects.toThrow(
      /^The database .*parley\.db cannot be opened: /,
    );
  });
});

function posted(outcome: PostOutcome | undefined): Message {
  if (outcome?.status !== 'posted') throw new Error(`This was not posted: ${JSON.stringify(outcome)}`);
  return outcome.message;
}

async function everyMessage(store: Store, reader: User, channel: { id: string }): Promise<Message[]> {
  const found: Message[] = [];
  for (;;) {
    const after = found.at(-1)?.seq ?? 0;
    const { messages } = await store.listMessages({ userId: reader.id, channelId: channel.id, after, limit: 1_000 });
    if (messages.length === 0) return found;
    found.push(...messages);
  }
}

function spawnAndWait(command: string, args: string[], done: (error: Error | null) => void): void {
  spawn(command, args, { stdio: 'inherit' }).on('exit', (code) =>
    done(code === 0 ? null : new Error(`${command}: ${code}`)),
  );
}
