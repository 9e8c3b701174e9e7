import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, RawSocket, register } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let folder: string;
let server: TestServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-test-'));
  server = await startTestServer({ folder, env: { PARLEY_FLOOD: 'off' } });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start() {
  const [ana, bob] = await Promise.all([register(server.url), register(server.url)]);
  const { id: channelId, head } = await ana.ask('POST', '/channels', {
    name: newId(),
    kind: 'private',
    members: [bob.username],
  });
  return { ana, bob, channelId: channelId as string, head: head as number };
}

/** Posts so many messages and gives the seq of the last one. */
async function post(person: Person, channelId: string, count: number): Promise<number> {
  let last = 0;
  for (let posted = 0; posted < count; posted += 1) {
    last = (await person.ask('POST', `/channels/${channelId}/messages`, { id: newId(), body: `${posted}` })).seq;
  }
  return last;
}

const seqsOf = (socket: RawSocket, stream: string) => socket.entries(stream).map((entry) => entry.seq);
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('hello', () => {
  test('without cursors begins at the heads it is told: nothing before, everything after', async () => {
    const { ana, bob, channelId, head } = await start();
    const before = await post(ana, channelId, 3);
    const socket = await RawSocket.signedIn(server.url, bob);
    const { heads, userId, sessionId, epoch } = socket.frames[0];
    expect(heads[channelId]).toBe(before);
    expect(Object.keys(heads).sort()).toEqual([channelId, bob.id, 'workspace'].sort());
    expect([userId, typeof sessionId, typeof epoch]).toEqual([bob.id, 'string', 'string']);
    const last = await post(ana, channelId, 2);
    await socket.frame((frame) => frame.type === 'entry' && frame.seq === last && frame.stream === channelId);
    expect(seqsOf(socket, channelId)).toEqual(range(before + 1, last));
    expect(before).toBe(head + 3);
    socket.close();
  });

  test('[D2] [D4] with cursors goes on after them: nothing up to them is sent, nothing after them left out', async () => {
    const { ana, bob, channelId } = await start();
    let last = await post(ana, channelId, 20);
    for (const back of [last, last - 1, 20, 7, 1, 0]) {
      const cursors = { [channelId]: last - back, [bob.id]: 0 };
      const socket = await RawSocket.signedIn(server.url, bob, { cursors });
      expect(socket.frames[0].heads[channelId]).toBe(last);
      last = await post(ana, channelId, 1);
      await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === last);
      expect(seqsOf(socket, channelId)).toEqual(range((cursors[channelId] as number) + 1, last));
      expect(socket.entries(bob.id)[0].seq).toBe(1);
      socket.close();
    }
  });

  test('with a cursor of a channel joined meanwhile, which it does not know, begins it where it was joined', async () => {
    const { ana, bob } = await start();
    const first = await RawSocket.signedIn(server.url, bob);
    const { heads, epoch } = first.frames[0];
    first.close();
    const { id: channelId } = await ana.ask('POST', '/channels', { name: newId(), kind: 'private' });
    await post(ana, channelId, 3);
    await ana.ask('POST', `/channels/${channelId}/members`, { usernames: [bob.username] });
    const last = await post(ana, channelId, 3);
    const socket = await RawSocket.signedIn(server.url, bob, { epoch, cursors: heads });
    await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === last);
    const added = socket.entries(bob.id).find((entry) => entry.event.type === 'membership.added');
    expect(added.event.channel.id).toBe(channelId);
    expect(seqsOf(socket, channelId)).toEqual(range(added.event.channel.head + 1, last));
    socket.close();
  });

  test('with an epoch or cursors of another lineage is told to begin anew, and is served from the heads', async () => {
    const { ana, bob, channelId } = await start();
    const last = await post(ana, channelId, 2);
    const { epoch } = (await RawSocket.signedIn(server.url, bob)).frames[0];
    for (const hello of [
      { epoch: newId(), cursors: { [channelId]: 1 } },
      { epoch, cursors: { [channelId]: 1_000_000 } },
      { cursors: { workspace: Number.MAX_SAFE_INTEGER } },
    ]) {
      const socket = await RawSocket.signedIn(server.url, bob, hello);
      expect(await socket.frame((frame) => frame.type === 'reset')).toEqual({ type: 'reset', epoch });
      expect(socket.frames[0].heads[channelId]).toBeGreaterThanOrEqual(last);
      const next = await post(ana, channelId, 1);
      await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === next);
      expect(seqsOf(socket, channelId)).toEqual([next]);
      socket.close();
    }
  });

  test('with cursors of streams that are not theirs changes nothing', async () => {
    const { ana, bob, channelId } = await start();
    const own = await ana.ask('POST', '/channels', { name: newId(), kind: 'private' });
    const cursors = { [own.id]: 0, [ana.id]: 0, [newId()]: 5 };
    const socket = await RawSocket.signedIn(server.url, bob, { cursors });
    expect(Object.keys(socket.frames[0].heads).sort()).toEqual([channelId, bob.id, 'workspace'].sort());
    await post(ana, own.id, 1);
    await socket.ask({ type: 'ping' });
    expect([...socket.entries(own.id), ...socket.entries(ana.id)]).toEqual([]);
    socket.close();
  });

  test('[D4] more than 2,000 entries behind is told so, goes on from the head, and pulls the rest', async () => {
    const { ana, bob, channelId } = await start();
    const anas = await RawSocket.signedIn(server.url, ana);
    const acks = await Promise.all(
      range(1, 2_100).map((number) => anas.ask({ type: 'send', id: newId(), channelId, body: String(number) })),
    );
    const head = Math.max(...acks.map((ack) => ack.seq));
    const socket = await RawSocket.signedIn(server.url, bob, { cursors: { [channelId]: 1 } });
    const behind = await socket.frame((frame) => frame.type === 'behind');
    expect(behind).toEqual({ type: 'behind', stream: channelId, after: 1, head });
    const next = await post(ana, channelId, 1);
    await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === next);
    expect(seqsOf(socket, channelId)).toEqual([next]);
    const pulled: number[] = [];
    while ((pulled.at(-1) ?? 1) < head) {
      const page = await socket.ask({ type: 'pull', stream: channelId, after: pulled.at(-1) ?? 1 });
      pulled.push(...page.entries.map((entry: { seq: number }) => entry.seq));
    }
    expect(pulled.filter((seq) => seq <= head)).toEqual(range(2, head));
    for (const each of [anas, socket]) each.close();
  });
});

test('[D1] [D2] [D4] a reader that comes and goes while others post sees every entry once and in order', async () => {
  const { ana, bob, channelId, head } = await start();
  const anas = await RawSocket.signedIn(server.url, ana);
  const seen: number[] = [];
  const sends: Promise<unknown>[] = [];
  for (let visit = 0; visit < 15; visit += 1) {
    for (let sent = 0; sent < 20; sent += 1) {
      sends.push(anas.ask({ type: 'send', id: newId(), channelId, body: `${visit}.${sent}` }));
    }
    const socket = await RawSocket.signedIn(server.url, bob, { cursors: { [channelId]: seen.at(-1) ?? head } });
    if (visit === 14) {
      await Promise.all(sends);
      await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === head + 300);
    } else {
      await socket.frame((frame) => frame.type === 'entry' && frame.stream === channelId);
    }
    socket.close();
    await socket.closing();
    seen.push(...seqsOf(socket, channelId));
  }
  expect(seen).toEqual(range(head + 1, head + 300));
  anas.close();
});

test('[S2] [D2] [D4] a restarted server goes on exactly where the old one stopped', async () => {
  const { ana, bob, channelId, head } = await start();
  const [anas, bobs] = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, bob)]);
  const { epoch } = bobs.frames[0];
  const sends = range(1, 50).map((number) => ({ type: 'send', id: newId(), channelId, body: String(number) }));
  const acks = await Promise.all(sends.map((send) => anas.ask(send)));
  await bobs.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === head + 10);
  const before = seqsOf(bobs, channelId);
  const closings = [anas.closing(), bobs.closing()];
  await server.close();
  for (const { code, reason } of await Promise.all(closings)) {
    expect(code).toBe(1012);
    expect(JSON.parse(reason).retryAfterMs).toBeGreaterThanOrEqual(0);
    expect(JSON.parse(reason).retryAfterMs).toBeLessThanOrEqual(2_000);
  }

  server = await startTestServer({ folder, env: { PARLEY_FLOOD: 'off' } });
  const again = await RawSocket.signedIn(server.url, ana);
  expect(again.frames[0].epoch).toBe(epoch);
  const resent = await Promise.all(sends.map((send) => again.ask(send)));
  expect(resent.map((ok) => ok.seq)).toEqual(acks.map((ok) => ok.seq));
  const cursor = before.at(-1);
  const resumed = await RawSocket.signedIn(server.url, bob, { epoch, cursors: { [channelId]: cursor } });
  const { seq: last } = await again.ask({ type: 'send', id: newId(), channelId, body: 'after' });
  await resumed.frame((frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === last);
  expect([...before, ...seqsOf(resumed, channelId)]).toEqual(range(head + 1, last));
  expect(last).toBe(head + 51);
  for (const socket of [again, resumed]) socket.close();
});
