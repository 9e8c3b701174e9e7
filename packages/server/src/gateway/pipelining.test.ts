import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, MAX_FRAME_BYTES, newId } from '@parley/protocol';
import { afterEach, expect, test } from 'vitest';
import { openSqliteStore } from '../storage/sqlite/sqlite-store.ts';
import type { Store } from '../storage/store.ts';
import { FakeClock } from '../test/fake-clock.ts';
import { type Frame, type Person, RawSocket, register } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let server: TestServer;
afterEach(() => server.close());

const newChannel = async (person: Person): Promise<string> =>
  (await person.ask('POST', '/channels', { name: newId(), kind: 'private' })).id;

/** The bodies of a channel's messages, in the log's order. */
async function bodiesIn(channelId: string, reader: Person): Promise<string[]> {
  const bodies: string[] = [];
  for (let after = 0; ; ) {
    const { entries, head } = await reader.ask('GET', `/channels/${channelId}/log?after=${after}&limit=500`);
    for (const { event } of entries) if (event.type === 'message.posted') bodies.push(event.message.body);
    after = entries.at(-1)?.seq ?? head;
    if (after >= head) return bodies;
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));

test('[O3] pipelined sends keep their order in every channel, whatever stands between them', async () => {
  server = await startTestServer({ env: { PARLEY_FLOOD: 'off' } });
  const ana = await register(server.url);
  const channels = [await newChannel(ana), await newChannel(ana), await newChannel(ana)];
  const socket = await RawSocket.signedIn(server.url, ana);
  const answers: Promise<Frame>[] = [];
  for (const body of numbered(1_200)) {
    const channelId = channels[Number(body) % 3];
    answers.push(socket.ask({ type: 'send', id: newId(), channelId, body }));
    if (Number(body) % 10 === 0) socket.send('{"type":"shout","ref":0}');
    if (Number(body) % 25 === 0) answers.push(socket.ask({ type: 'pull', stream: channelId, after: 0, limit: 5 }));
    if (Number(body) % 100 === 0) await new Promise(setImmediate);
  }
  await Promise.all(answers);
  for (const [index, channelId] of channels.entries()) {
    expect(await bodiesIn(channelId, ana)).toEqual(numbered(1_200).filter((body) => Number(body) % 3 === index));
  }
  socket.close();
});

test('[O3] [T1] what the throttle lets through keeps its order; what it refuses never happened', async () => {
  const clock = new FakeClock();
  server = await startTestServer({ clock, env: { PARLEY_THROTTLE_MESSAGES: '5/10s' } });
  const ana = await register(server.url);
  const channelId = await newChannel(ana);
  const socket = await RawSocket.signedIn(server.url, ana);
  const accepted: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    const bodies = numbered(20).map((body) => `${round}.${body}`);
    const answers = await Promise.all(bodies.map((body) => socket.ask({ type: 'send', id: newId(), channelId, body })));
    const passed = bodies.filter((_, index) => answers[index].type === 'ok');
    const refused = answers.filter((answer) => answer.type === 'fail');
    expect(passed).toHaveLength(5);
    expect(new Set(refused.map(({ code, retryAfterMs }) => `${code} ${retryAfterMs}`))).toEqual(
      new Set(['throttled 10000']),
    );
    accepted.push(...passed);
    clock.advance(10_000);
  }
  expect(await bodiesIn(channelId, ana)).toEqual(accepted);
  expect(accepted.slice(0, 5)).toEqual(['0.0', '0.1', '0.2', '0.3', '0.4']);
  socket.close();
});

test('[S2] [T1] a resend of what was acknowledged is acknowledged again although the sender is over the limit', async () => {
  server = await startTestServer({ clock: new FakeClock(), env: { PARLEY_THROTTLE_MESSAGES: '2/10s' } });
  const ana = await register(server.url);
  const channelId = await newChannel(ana);
  const socket = await RawSocket.signedIn(server.url, ana);
  const first = { type: 'send', id: newId(), channelId, body: 'first' };
  const ok = await socket.ask(first);
  await socket.ask({ type: 'send', id: newId(), channelId, body: 'second' });
  expect(await socket.ask({ type: 'send', id: newId(), channelId, body: 'third' })).toMatchObject({
    code: 'throttled',
  });
  expect(await socket.ask(first)).toMatchObject({ type: 'ok', id: first.id, seq: ok.seq });
  expect(await socket.ask({ ...first, body: 'other' })).toMatchObject({ code: 'id_conflict' });
  expect(await bodiesIn(channelId, ana)).toEqual(['first', 'second']);
  socket.close();
});

test('[S2] [O3] the same sends pipelined on two sockets at once happen once, in one order', async () => {
  server = await startTestServer({ env: { PARLEY_FLOOD: 'off' } });
  const ana = await register(server.url);
  const channelId = await newChannel(ana);
  const sockets = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, ana)]);
  const sends = numbered(300).map((body) => ({ type: 'send', id: newId(), channelId, body }));
  const [first, second] = await Promise.all(
    sockets.map((socket) => Promise.all(sends.map((send) => socket.ask(send)))),
  );
  const seqs = (answers: Frame[] | undefined) => answers?.map((answer) => answer.seq);
  expect(seqs(second)).toEqual(seqs(first));
  expect(await bodiesIn(channelId, ana)).toEqual(numbered(300));
  for (const socket of sockets) socket.close();
});

test('[O3] [S3] when a send fails, those received after it do not overtake it: repeated in order, all stand in order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-test-'));
  const real = await openSqliteStore({ path: join(folder, 'parley.db'), synchronous: 'off' });
  const failing = Promise.withResolvers<void>();
  let batches = 0;
  const store: Store = {
    ...real,
    async postMessages(batch) {
      batches += 1;
      if (batches > 1) return real.postMessages(batch);
      await failing.promise;
      throw fail('unavailable');
    },
  };
  server = await startTestServer({ store, env: { PARLEY_FLOOD: 'off' } });
  const ana = await register(server.url);
  const [channelId, other] = [await newChannel(ana), await newChannel(ana)];
  const socket = await RawSocket.signedIn(server.url, ana);
  const sends = numbered(300).map((body) => ({ type: 'send', id: newId(), channelId, body }));
  const first = socket.ask(sends[0] as object);
  while (batches === 0) await new Promise(setImmediate);
  const answers = sends.slice(1).map((send) => socket.ask(send));
  expect(await socket.ask({ type: 'send', id: newId(), channelId: other, body: 'elsewhere' })).toMatchObject({
    type: 'ok',
  });
  failing.resolve();
  const codes = new Set((await Promise.all([first, ...answers])).map(({ code }) => code));
  expect([codes, await bodiesIn(channelId, ana)]).toEqual([new Set(['unavailable']), []]);
  const again = await Promise.all(sends.map((send) => socket.ask(send)));
  expect(new Set(again.map(({ type }) => type))).toEqual(new Set(['ok']));
  expect(await bodiesIn(channelId, ana)).toEqual(numbered(300));
  socket.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every frame that the server sends has at most 64 KiB, also pages of the largest messages', async () => {
  server = await startTestServer();
  const [ana, bob] = await Promise.all([register(server.url), register(server.url)]);
  const channelId = await newChannel(ana);
  await ana.ask('POST', `/channels/${channelId}/members`, { usernames: [bob.username] });
  const [anas, bobs] = await Promise.all([RawSocket.signedIn(server.url, ana), RawSocket.signedIn(server.url, bob)]);
  // Control characters are the longest as JSON: six bytes each.
  const bodies = ['\u0001'.repeat(8_000), '🦦'.repeat(8_000), '"'.repeat(8_000), 'x'.repeat(8_000)];
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(bodies.map((body) => anas.ask({ type: 'send', id: newId(), channelId, body })));
  }
  const pulled: string[] = [];
  for (let after = 0; ; ) {
    const page = await bobs.ask({ type: 'pull', stream: channelId, after });
    expect(page.type).toBe('ok');
    for (const { event } of page.entries) if (event.type === 'message.posted') pulled.push(event.message.body);
    if (page.entries.length === 0) break;
    expect(page.entries[0].seq).toBe(after + 1);
    after = page.entries.at(-1).seq;
  }
  expect(pulled.map((body) => body.slice(0, 2))).toEqual(
    (await bodiesIn(channelId, ana)).map((body) => body.slice(0, 2)),
  );
  expect(pulled).toHaveLength(32);
  for (const frame of [...anas.frames, ...bobs.frames]) {
    expect(Buffer.byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
  }
  for (const socket of [anas, bobs]) socket.close();
});

test('a page of a log is never read at a length that would hold up others: 500 of the largest messages are 16 MB', async () => {
  server = await startTestServer();
  const ana = await register(server.url);
  const channelId = await newChannel(ana);
  const socket = await RawSocket.signedIn(server.url, ana);
  const body = '🦦'.repeat(8_000);
  const acks = await Promise.all(
    Array.from({ length: 60 }, () => socket.ask({ type: 'send', id: newId(), channelId, body })),
  );
  const head = Math.max(...acks.map(({ seq }) => seq));
  const seqs: number[] = [];
  while ((seqs.at(-1) ?? 0) < head) {
    const page = await ana.ask('GET', `/channels/${channelId}/log?after=${seqs.at(-1) ?? 0}&limit=500`);
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(512 * 1024);
    expect(page.entries.length).toBeGreaterThan(0);
    seqs.push(...page.entries.map((entry: Frame) => entry.seq));
  }
  expect(seqs).toEqual(Array.from({ length: head }, (_, index) => index + 1));
  socket.close();
});
