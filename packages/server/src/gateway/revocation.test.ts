import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Frame, type Person, RawSocket, register } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ env: { PARLEY_FLOOD: 'off' } });
});
afterAll(() => server.close());

async function people() {
  const [ana, bob, eve] = await Promise.all([register(server.url), register(server.url), register(server.url)]);
  return { ana, bob, eve };
}

async function privateChannel(owner: Person, ...members: Person[]): Promise<string> {
  const usernames = members.map((member) => member.username);
  return (await owner.ask('POST', '/channels', { name: newId(), kind: 'private', members: usernames })).id;
}

/** The seq of the entry that removed a person. */
async function removalOf(person: Person, channelId: string, reader: Person): Promise<number> {
  for (let after = 0; ; after += 500) {
    const { entries, head } = await reader.ask('GET', `/channels/${channelId}/log?after=${after}&limit=500`);
    const found = entries.find(({ event }: Frame) => event.type === 'member.removed' && event.userId === person.id);
    if (found) return found.seq;
    if (after > head) throw new Error('There is no removal in the log.');
  }
}

/** Sends a thousand messages and more, some always under way, while something else happens among them. */
function sendDuring(socket: RawSocket, channelId: string, act: () => Promise<unknown>) {
  const sends: Promise<Frame>[] = [];
  const { promise: meanwhile, resolve, reject } = Promise.withResolvers<void>();
  let isOver = false;
  const send = async () => {
    for (let wave = 0; wave < 20 || !isOver; wave += 1) {
      if (wave === 6)
        void act()
          .then(() => resolve(), reject)
          .finally(() => (isOver = true));
      for (let sent = 0; sent < 50; sent += 1) {
        sends.push(socket.ask({ type: 'send', id: newId(), channelId, body: 'x' }));
      }
      await sends[sends.length - 50];
    }
    return Promise.all(sends);
  };
  return { meanwhile, answers: send() };
}

describe('[A1] a removal', () => {
  test('that a thousand sends race: nothing after it reaches the removed one, and every read is denied', async () => {
    const { ana, bob, eve } = await people();
    const channelId = await privateChannel(ana, bob, eve);
    const [bobs, eves] = await Promise.all([RawSocket.signedIn(server.url, bob), RawSocket.signedIn(server.url, eve)]);
    const start = (await ana.ask('GET', `/channels/${channelId}`)).head;

    const sending = sendDuring(bobs, channelId, () => ana.ask('DELETE', `/channels/${channelId}/members/${eve.id}`));
    await sending.meanwhile;
    for (const path of ['', '/messages', '/log', '/members', '/messages?around=5']) {
      const { status, body } = await eve.request('GET', `/channels/${channelId}${path}`);
      expect([status, body.code], path).toEqual([404, 'channel_not_found']);
    }
    expect(await eves.ask({ type: 'pull', stream: channelId, after: 0 })).toMatchObject({ code: 'channel_not_found' });
    expect(await eves.ask({ type: 'read', channelId, seq: 1 })).toMatchObject({ code: 'channel_not_found' });
    const late = { type: 'send', id: newId(), channelId, body: 'x' };
    expect(await eves.ask(late)).toMatchObject({ code: 'channel_not_found' });

    const acks = await sending.answers;
    const removal = await removalOf(eve, channelId, ana);
    const { head } = await ana.ask('GET', `/channels/${channelId}`);
    expect(acks.every((ack) => ack.type === 'ok')).toBe(true);
    await eves.ask({ type: 'ping' });
    const seen = eves.entries(channelId).map((entry) => entry.seq);
    const last = seen.at(-1);
    expect(seen).toEqual(Array.from({ length: last - start }, (_, index) => start + 1 + index));
    expect(eves.entries(channelId).at(-1).event).toEqual({ type: 'member.removed', userId: eve.id });
    expect(last).toBeLessThan(head);
    expect(last).toBe(removal);
    for (const socket of [bobs, eves]) socket.close();
  });

  test('of somebody who is sending: what was acknowledged stands before it, all else never happened', async () => {
    const { ana, eve } = await people();
    const channelId = await privateChannel(ana, eve);
    const eves = await RawSocket.signedIn(server.url, eve);
    const sending = sendDuring(eves, channelId, () => ana.ask('DELETE', `/channels/${channelId}/members/${eve.id}`));
    const answers = await sending.answers;
    const acked = answers.filter((answer) => answer.type === 'ok').map((answer) => answer.seq);
    const refused = answers.filter((answer) => answer.type === 'fail');
    expect(new Set(refused.map((answer) => answer.code))).toEqual(new Set(['channel_not_found']));

    const { messages, head } = await ana.ask('GET', `/channels/${channelId}/messages?limit=100`);
    expect(Math.max(...acked)).toBe(messages.at(-1).seq);
    expect(head).toBe(messages.at(-1).seq + 1);
    expect(messages.at(-1).ordinal).toBe(acked.length);
    eves.close();
  });

  test('makes saved cursors worthless', async () => {
    const { ana, eve } = await people();
    const channelId = await privateChannel(ana, eve);
    const before = await RawSocket.signedIn(server.url, eve);
    const { epoch, heads } = before.frames[0];
    expect(heads[channelId]).toBeGreaterThan(0);
    before.close();
    await ana.ask('DELETE', `/channels/${channelId}/members/${eve.id}`);
    await ana.ask('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'between us' });

    for (const cursors of [heads, { [channelId]: 0 }, { ...heads, [channelId]: 0, [eve.id]: 0 }]) {
      const eves = await RawSocket.signedIn(server.url, eve, { epoch, cursors });
      expect(Object.keys(eves.frames[0].heads)).not.toContain(channelId);
      await ana.ask('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'between us' });
      await eves.ask({ type: 'ping' });
      expect(eves.entries(channelId)).toEqual([]);
      expect(JSON.stringify(eves.frames)).not.toContain('between us');
      eves.close();
    }
  });

  test('is undone by adding: what follows that arrives, on the socket that was open all along', async () => {
    const { ana, eve } = await people();
    const channelId = await privateChannel(ana, eve);
    const eves = await RawSocket.signedIn(server.url, eve);
    for (let round = 0; round < 3; round += 1) {
      await ana.ask('DELETE', `/channels/${channelId}/members/${eve.id}`);
      await ana.ask('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'between us' });
      await ana.ask('POST', `/channels/${channelId}/members`, { usernames: [eve.username] });
      const { id } = await ana.ask('POST', `/channels/${channelId}/messages`, {
        id: newId(),
        body: `welcome ${round}`,
      });
      await eves.frame((frame) => frame.event?.message?.id === id);
    }
    expect(JSON.stringify(eves.frames)).not.toContain('between us');
    const seqs = eves.entries(channelId).map((entry) => entry.seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    eves.close();
  });

  test('by leaving is the same', async () => {
    const { ana, eve } = await people();
    const channelId = await privateChannel(ana, eve);
    const eves = await RawSocket.signedIn(server.url, eve);
    await eve.ask('POST', `/channels/${channelId}/leave`);
    await ana.ask('POST', `/channels/${channelId}/messages`, { id: newId(), body: 'between us' });
    expect(await eves.ask({ type: 'pull', stream: channelId, after: 0 })).toMatchObject({ code: 'channel_not_found' });
    await eves.ask({ type: 'ping' });
    expect(eves.entries(channelId).at(-1).event).toEqual({ type: 'member.left', userId: eve.id });
    eves.close();
  });
});

describe('an archived channel', () => {
  test('tells its members, and takes nothing more from either door', async () => {
    const { ana, bob } = await people();
    const channelId = await privateChannel(ana, bob);
    const bobs = await RawSocket.signedIn(server.url, bob);
    const { rev } = await ana.ask('GET', `/channels/${channelId}`);
    const { head } = await ana.ask('PATCH', `/channels/${channelId}`, { archived: true, rev });
    const entry = await bobs.frame(
      (frame) => frame.type === 'entry' && frame.stream === channelId && frame.seq === head,
    );
    expect(entry.event).toMatchObject({ type: 'channel.updated', archived: true });
    const message = { id: newId(), body: 'x' };
    expect(await bobs.ask({ type: 'send', channelId, ...message })).toMatchObject({ code: 'channel_archived' });
    const answer = await bob.request('POST', `/channels/${channelId}/messages`, message);
    expect([answer.status, answer.body.code]).toEqual([409, 'channel_archived']);
    expect((await ana.ask('GET', `/channels/${channelId}`)).head).toBe(head);
    bobs.close();
  });
});
