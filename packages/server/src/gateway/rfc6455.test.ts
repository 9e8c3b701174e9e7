import { MAX_FRAME_BYTES, newId } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Person, RawSocket, register } from '../test/people.ts';
import { OPCODE, RawPeer, type WireFrame, wireFrame } from '../test/raw-peer.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let server: TestServer;
let ana: Person;
let channelId: string;
let innocent: RawSocket;
let peer: RawPeer;

beforeAll(async () => {
  server = await startTestServer({ env: { PARLEY_FLOOD: '500/10s' } });
  ana = await register(server.url);
  channelId = (await ana.ask('POST', '/channels', { name: newId(), kind: 'private' })).id;
});
afterAll(() => server.close());

beforeEach(async () => {
  innocent = await RawSocket.signedIn(server.url, ana);
  peer = await RawPeer.upgraded(server.url);
  peer.say({ type: 'hello', ref: 0, token: ana.accessToken });
  await vi.waitFor(() => expect(peer.heard()).not.toEqual([]));
});
/** Whatever the peer did, the next person is served. */
afterEach(async () => {
  expect(await innocent.ask({ type: 'send', id: newId(), channelId, body: 'still here' })).toMatchObject({
    type: 'ok',
  });
  innocent.close();
  peer.destroy();
});

const PING = JSON.stringify({ type: 'ping', ref: 1 });
const head = async (): Promise<number> => (await ana.ask('GET', `/channels/${channelId}`)).head;
const send = () => JSON.stringify({ type: 'send', ref: 1, id: newId(), channelId, body: 'x' });

describe('frames that break the protocol are answered with 1002, and nothing in them is carried out:', () => {
  const cases: readonly (readonly [string, () => readonly WireFrame[]])[] = [
    ['one that is not masked', () => [{ payload: send(), masked: false }]],
    ...[1, 2, 3, 4, 7].map((reserved) => [`reserved bits ${reserved}`, () => [{ payload: send(), reserved }]] as const),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
      (opcode) => [`the opcode ${opcode}`, () => [{ payload: send(), opcode }]] as const,
    ),
    ['a ping in fragments', () => [{ opcode: OPCODE.ping, fin: false, payload: 'x' }]],
    ['a close in fragments', () => [{ opcode: OPCODE.close, fin: false, payload: Buffer.from([3, 232]) }]],
    ['a ping of 126 bytes', () => [{ opcode: OPCODE.ping, payload: 'x'.repeat(126) }]],
    ['a pong of 64 KiB', () => [{ opcode: OPCODE.pong, payload: 'x'.repeat(65_536) }]],
    ['a close of 126 bytes', () => [{ opcode: OPCODE.close, payload: Buffer.alloc(126, 3) }]],
    ['a close of one byte', () => [{ opcode: OPCODE.close, payload: Buffer.from([3]) }]],
    ['a continuation of nothing', () => [{ opcode: OPCODE.continuation, payload: send() }]],
    ['a new message inside another', () => [{ fin: false, payload: '{' }, { payload: send() }]],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
      (code) =>
        [
          `a close with the code ${code}`,
          () => [{ opcode: OPCODE.close, payload: Buffer.from([code >> 8, code & 0xff]) }],
        ] as const,
    ),
  ];

  test.each(cases)('%s', async (_, frames) => {
    const before = await head();
    peer.send(...frames());
    expect(await peer.closeCode()).toBe(1002);
    expect(await head()).toBe(before);
  });
});

test('nothing follows a close for a broken frame, though others go on talking', async () => {
  peer.send({ payload: send(), reserved: 7 });
  for (let sent = 0; sent < 20; sent += 1) await innocent.ask(JSON.parse(send()));
  expect(await peer.closeCode()).toBe(1002);
  expect(peer.frames().at(-1)?.opcode).toBe(OPCODE.close);
});

test('the code of a close that the peer makes up is counted as any other, so that it costs no memory', async () => {
  for (const code of [3_111, 4_222, 4_999]) {
    const other = await RawPeer.upgraded(server.url);
    other.send({ opcode: OPCODE.close, payload: Buffer.from([code >> 8, code & 0xff]) });
    await other.ended();
  }
  const metrics = await server.metrics.render();
  expect(metrics).toMatch(/^parley_sockets_closed_total\{code="other"\} [3-9]/m);
  expect(metrics).not.toMatch(/code="(3111|4222|4999)"/);
});

describe('text that is not UTF-8 is answered with 1007:', () => {
  const EURO = Buffer.from('€');
  const bytes = (hex: string) =>
    Buffer.concat([Buffer.from(`{"type":"ping","ref":1,"x":"`), Buffer.from(hex, 'hex'), Buffer.from('"}')]);

  test.each([
    ['a byte that is none', 'ff'],
    ['a lonely continuation', '80'],
    ['a character cut short', 'e282'],
    ['an overlong slash', 'c0af'],
    ['an overlong NUL', 'c080'],
    ['half of a surrogate pair', 'eda080'],
    ['both halves of one', 'eda080edb080'],
    ['a character beyond Unicode', 'f4908080'],
  ])('%s', async (_, hex) => {
    peer.send({ payload: bytes(hex) });
    expect(await peer.closeCode()).toBe(1007);
  });

  test('also when only the fragments together show it', async () => {
    peer.send(
      { fin: false, payload: Buffer.concat([Buffer.from('{"x":"'), EURO.subarray(0, 2)]) },
      { opcode: OPCODE.continuation, payload: Buffer.from('"}') },
    );
    expect(await peer.closeCode()).toBe(1007);
  });

  test('also in the reason of a close', async () => {
    peer.send({ opcode: OPCODE.close, payload: Buffer.from([3, 232, 0xff, 0xfe]) });
    expect(await peer.closeCode()).toBe(1007);
  });

  test('but a character that fragments cut in two is whole again', async () => {
    const id = newId();
    const whole = Buffer.from(JSON.stringify({ type: 'send', ref: 9, id, channelId, body: '€' }));
    const cut = whole.indexOf(EURO) + 1;
    peer.send({ fin: false, payload: whole.subarray(0, cut) }, { opcode: OPCODE.ping, payload: 'between' });
    peer.send({ opcode: OPCODE.continuation, payload: whole.subarray(cut) });
    await vi.waitFor(() => expect(peer.heard()).toContainEqual(expect.objectContaining({ type: 'ok', ref: 9 })));
    const { messages } = await ana.ask('GET', `/channels/${channelId}/messages?limit=1`);
    expect(messages[0]).toMatchObject({ id, body: '€' });
  });
});

describe('more than 64 KiB is answered with 1009:', () => {
  test('in one frame', async () => {
    peer.send({ payload: 'x'.repeat(MAX_FRAME_BYTES + 1) });
    expect(await peer.closeCode()).toBe(1009);
  });

  test('summed over fragments', async () => {
    const before = await head();
    const frame = send().padEnd(MAX_FRAME_BYTES + 1);
    peer.send(
      { fin: false, payload: frame.slice(0, 40_000) },
      { opcode: OPCODE.continuation, payload: frame.slice(40_000) },
    );
    expect(await peer.closeCode()).toBe(1009);
    expect(await head()).toBe(before);
  });

  test.each([
    ['4 GiB', 2n ** 32n],
    ['2^53 bytes', 2n ** 53n],
    ['2^63 bytes', 2n ** 63n],
    ['2^64 - 1 bytes', 2n ** 64n - 1n],
  ])('when only the header claims so: %s', async (_, claimedLength) => {
    const before = process.memoryUsage();
    peer.send({ opcode: OPCODE.binary, claimedLength, payload: 'x' });
    expect(await peer.closeCode()).toBe(1009);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024);
  });
});

describe('an endless stream of almost nothing', () => {
  test('as a million empty fragments ends early', async () => {
    const started = performance.now();
    const fragments = Buffer.concat(Array.from({ length: 10_000 }, () => wireFrame({ opcode: 0, fin: false })));
    peer.send({ fin: false });
    for (let sent = 0; sent < 1_000_000 && !peer.hasEnded; sent += 10_000) {
      peer.write(fragments);
      await new Promise(setImmediate);
    }
    expect(await peer.closeCode()).toBe(1008);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('as empty messages is a flood', async () => {
    peer.send(...Array.from({ length: 600 }, () => ({ payload: '' })));
    expect(await peer.closeCode()).toBe(4429);
    expect(peer.heard().filter((frame) => frame.code === 'malformed_json').length).toBeLessThan(550);
  });

  test.each(['ping', 'pong'] as const)('as %ss of the WebSocket protocol is a flood', async (name) => {
    for (let sent = 0; sent < 600; sent += 30) {
      peer.send(...Array.from({ length: 30 }, () => ({ opcode: OPCODE[name], payload: 'x'.repeat(125) })));
      await new Promise(setImmediate);
    }
    expect(await peer.closeCode()).toBe(4429);
  });

  test('as pings whose pongs are never read is cut off', async () => {
    peer.socket.pause();
    const pings = Buffer.concat(
      Array.from({ length: 200 }, () => wireFrame({ opcode: OPCODE.ping, payload: 'x'.repeat(125) })),
    );
    for (let sent = 0; sent < 200; sent += 1) peer.write(pings);
    await innocent.ask({ type: 'ping' });
    peer.socket.resume();
    await peer.ended();
  });

  test('as a frame that never ends is nobody else’s business', async () => {
    for (let byte = 0; byte < 200; byte += 1)
      peer.write(wireFrame({ payload: 'x'.repeat(1_000) }).subarray(byte, byte + 1));
    expect(await innocent.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });
});

describe('frames that are unusual but lawful are served:', () => {
  const pong = () => vi.waitFor(() => expect(peer.heard()).toContainEqual({ type: 'pong', ref: 1 }));

  test('byte by byte', async () => {
    for (const byte of wireFrame({ payload: PING })) peer.write(Buffer.from([byte]));
    await pong();
  });

  test('in a hundred fragments', async () => {
    const pieces = Array.from({ length: 100 }, (_, index) => PING.slice(index, index + 1));
    peer.send(
      ...pieces.map((payload, index) => ({
        payload,
        fin: index === pieces.length - 1,
        opcode: index === 0 ? OPCODE.text : OPCODE.continuation,
      })),
    );
    await pong();
  });

  test('a length spelled longer than it needs to be', async () => {
    const frame = wireFrame({ payload: PING });
    const longer = Buffer.concat([frame.subarray(0, 1), Buffer.from([0x80 | 126, 0, PING.length]), frame.subarray(2)]);
    peer.write(longer);
    await pong();
  });

  test('a ping is answered with its own payload, a pong with nothing', async () => {
    peer.send({ opcode: OPCODE.pong, payload: 'unasked' }, { opcode: OPCODE.ping, payload: 'p'.repeat(125) });
    await vi.waitFor(() =>
      expect(peer.frames()).toContainEqual({ opcode: OPCODE.pong, payload: Buffer.from('p'.repeat(125)) }),
    );
  });

  test.each([1000, 1001, 1007, 1011, 1012, 1014, 3000, 4999])('a close with the code %i is returned', async (code) => {
    peer.send({ opcode: OPCODE.close, payload: Buffer.from([code >> 8, code & 0xff]) });
    expect(await peer.closeCode()).toBe(code);
    await peer.ended();
  });

  test('an end without a close', async () => {
    peer.socket.resetAndDestroy();
    await peer.ended();
  });
});

test('a peer that does not answer our close is cut off after 10 s', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  peer.socket.allowHalfOpen = true;
  peer.send({ payload: '', masked: false });
  expect(await peer.closeCode()).toBe(1002);
  expect(peer.hasEnded).toBe(false);
  vi.advanceTimersByTime(10_000);
  vi.useRealTimers();
  const isCutOff = () => {
    peer.write('x');
    expect(peer.hasEnded).toBe(true);
  };
  await vi.waitFor(isCutOff);
});
