import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { openStore } from './storage/open-store.ts';
import type { Store } from './storage/store.ts';
import { RawSocket, register } from './test/people.ts';
import { startTestServer, type TestServer } from './test/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test('[S1] [O1] a message travels from one person to another and is acknowledged with its place', async () => {
  const [ana, bob] = await Promise.all([register(server.url), register(server.url)]);
  const channel = await ana.ask('POST', '/channels', { name: newId(), kind: 'private', members: [bob.username] });
  const [anas, bobs] = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, bob)]);

  const id = newId();
  const ok = await anas.ask({ type: 'send', id, channelId: channel.id, body: '  hello  ' });
  expect(ok).toMatchObject({ type: 'ok', id, stream: channel.id, seq: channel.head + 1 });

  const received = await bobs.frame((frame) => frame.type === 'entry' && frame.event.message?.id === id);
  expect(received).toMatchObject({ stream: channel.id, seq: ok.seq, actor: ana.id });
  expect(received.event.message).toMatchObject({ body: 'hello', authorId: ana.id, seq: ok.seq, ordinal: 1 });

  const { messages, head } = await bob.ask('GET', `/channels/${channel.id}/messages`);
  expect(messages).toEqual([received.event.message]);
  expect(head).toBe(ok.seq);
  for (const socket of [anas, bobs]) socket.close();
});

test('old sessions are forgotten now and then while a server runs, a few at a time', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const store = await openStore(aFile());
  const asked: string[] = [];
  const forgetSessions: Store['forgetSessions'] = async ({ after }) => {
    asked.push(after);
    if (asked.length === 3) throw new Error('The database is away.');
    return { next: `${asked.length}`, forgotten: 0 };
  };
  const watched = await startTestServer({ store: { ...store, forgetSessions } });
  for (let runs = 0; runs < 4; runs++) await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toEqual(['', '1', '2', '2']);
  await watched.close();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked).toHaveLength(4);
});

test('a node that shares a PostgreSQL with one that has another secret says so; nodes with the same one do not', async () => {
  const file = aFile();
  const start = async (PARLEY_SECRET?: string) => {
    // Which engine it is decides; the messages may lie in a file that both have open.
    const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1/parley', ...(PARLEY_SECRET ? { PARLEY_SECRET } : {}) };
    const node = await startTestServer({ env, store: await openStore(file) });
    onTestFinished(() => node.close());
    const { status, warnings } = (await (await fetch(`${node.url}/readyz`)).json()) as {
      status: string;
      warnings: string[];
    };
    return { status, warnings };
  };
  const secret = 'u7Qm2ZkT9vXb4LwEr6YhNp1sJd8GcAf3';
  expect(await start(secret)).toEqual({ status: 'ok', warnings: [] });
  expect(await start(secret)).toEqual({ status: 'ok', warnings: [] });
  const generated = await start();
  expect(generated.status).toBe('degraded');
  expect(generated.warnings).toEqual([expect.stringContaining('PARLEY_SECRET')]);
});

/** The configuration of a database in a file of its own. */
function aFile() {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-server-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  return {
    storage: { dataDir, sqlitePath: join(dataDir, 'parley.db'), synchronous: 'full', allowWeakDurability: false },
  } as const;
}
