import { newId } from '@parley/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, RawSocket, register } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

const REF = 1_000_001;

let server: TestServer;
let eve: Person;
let room: string;
let socket: RawSocket;

beforeAll(async () => {
  server = await startTestServer();
  eve = await register(server.url);
  room = (await eve.ask('POST', '/channels', { name: newId(), kind: 'public' })).id;
  socket = await RawSocket.signedIn(server.url, eve);
});
afterAll(async () => {
  socket.close();
  await server.close();
});

describe('bodies that are allowed arrive as they were meant:', () => {
  test.each([
    ['8,000 characters', 'x'.repeat(8_000), 'x'.repeat(8_000)],
    ['8,000 emoji', '🦦'.repeat(8_000), '🦦'.repeat(8_000)],
    ['8,000 characters among blanks', ` ${'x'.repeat(8_000)}\n`, 'x'.repeat(8_000)],
    ['lone surrogates', 'a\ud800b\udc00c', 'a\ufffdb\ufffdc'],
    ['marks that reorder text', '\u202eabc\u2066', '\u202eabc\u2066'],
    ['line breaks of every kind', 'a\r\nb\u2028c\u0085d', 'a\r\nb\u2028c\u0085d'],
    ['markup', '<script>alert(1)</script>', '<script>alert(1)</script>'],
    ['control characters', 'a\u0001\u001b[31mb', 'a\u0001\u001b[31mb'],
    ['what looks like JSON', '{"__proto__":1}', '{"__proto__":1}'],
  ])('[S2] %s, and sent again they are the same message', async (_, body, stored) => {
    const id = newId();
    const ok = await socket.ask({ type: 'send', id, channelId: room, body });
    expect(ok).toMatchObject({ type: 'ok', id });
    const entry = await socket.frame((frame) => frame.type === 'entry' && frame.event.message?.id === id);
    expect(entry.event.message.body).toBe(stored);
    expect(await socket.ask({ type: 'send', id, channelId: room, body })).toMatchObject({ id, seq: ok.seq });
    expect((await eve.ask('GET', `/channels/${room}`)).head).toBe(ok.seq);
  });

  test('[S2] an id in capitals is the same id', async () => {
    const id = newId();
    const ok = await socket.ask({ type: 'send', id: id.toUpperCase(), channelId: room.toUpperCase(), body: 'x' });
    expect(ok).toMatchObject({ id, stream: room });
    expect(await socket.ask({ type: 'send', id, channelId: room, body: 'x' })).toMatchObject({ id, seq: ok.seq });
  });

  test('a key given twice counts as its last', async () => {
    const id = newId();
    const frame = JSON.stringify({ type: 'send', ref: REF, id, channelId: room, body: 'last' });
    socket.send(frame.replace('"body"', '"body":"first","body"'));
    await socket.frame((received) => received.type === 'ok' && received.ref === REF);
    const entry = await socket.frame((received) => received.event?.message?.id === id);
    expect(entry.event.message.body).toBe('last');
  });
});
