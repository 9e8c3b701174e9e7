import { newId } from '@parley/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
