import { MAX_FRAME_BYTES, newId } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Frame, type Person, RawSocket, register } from '../test/people.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';

let server: TestServer;
let ana: Person;
let eve: Person;
let room: string;
let privateRoom: string;
let socket: RawSocket;

beforeAll(async () => {
  server = await startTestServer();
  [ana, eve] = await Promise.all([register(server.url), register(server.url)]);
  room = (await eve.ask('POST', '/channels', { name: newId(), kind: 'public', members: [ana.username] })).id;
  privateRoom = (await ana.ask('POST', '/channels', { name: newId(), kind: 'private' })).id;
});
afterAll(() => server.close());

beforeEach(async () => {
  socket = await RawSocket.signedIn(server.url, eve);
});
afterEach(() => socket.close());

const REF = 1_000_001;
const send = (fields: object) =>
  JSON.stringify({ type: 'send', ref: REF, id: newId(), channelId: room, body: 'x', ...fields });

/** Says something and gives the one answer to it, having seen that the socket still serves. */
async function refusalOf(frame: string | Buffer): Promise<Frame> {
  const before = socket.frames.length;
  socket.send(frame);
  expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
  const answer = await socket.frame(
    (received) => socket.frames.indexOf(received) >= before && received.type !== 'pong',
  );
  expect(socket.frames.slice(before).filter((received) => received.type !== 'pong')).toEqual([answer]);
  return answer;
}

async function logs() {
  const heads = await Promise.all([ana, eve].map(async (person) => (await person.ask('GET', '/bootstrap')).cursors));
  return JSON.stringify(heads);
}

/** Each is refused with its code, under its own ref where that can be read, and no log grows by it. */
async function expectRefusal(frame: string | Buffer, code: string, ref: number | null): Promise<void> {
  const before = await logs();
  expect(await refusalOf(frame)).toMatchObject({ type: 'fail', code, ref, title: expect.any(String) });
  expect(await logs()).toBe(before);
}

describe('a frame that cannot be read is refused and the socket stays open:', () => {
  test.each([
    ['words', 'hello there'],
    ['nothing', ''],
    ['half a frame', '{"type":"ping","ref":1'],
    ['a trailing comma', '{"type":"ping","ref":1,}'],
    ['two frames in one', '{"type":"ping","ref":1}{"type":"ping","ref":2}'],
    ['NaN', '{"type":"ping","ref":NaN}'],
    ['a byte order mark', '\ufeff{"type":"ping","ref":1}'],
    ['60,000 open brackets', '['.repeat(60_000)],
    ['10,000 open braces', '{"a":'.repeat(10_000)],
    ['a NUL', '\u0000'],
  ])('%s', async (_, frame) => {
    await expectRefusal(frame, 'malformed_json', null);
  });

  test.each(['null', '42', '1e400', '"hello"', 'true', '[]', '[{"type":"ping","ref":1}]'])(
    '%s is no object',
    async (frame) => {
      await expectRefusal(frame, 'validation_failed', null);
    },
  );

  test('30,000 nested brackets', async () => {
    await expectRefusal('['.repeat(30_000) + ']'.repeat(30_000), 'validation_failed', null);
  });

  test('30,000 nested brackets in a field', async () => {
    const nest = '['.repeat(30_000) + ']'.repeat(30_000);
    await expectRefusal(`{"type":"ping","ref":${REF},"deep":${nest}}`, 'validation_failed', REF);
    await expectRefusal(`{"type":"send","ref":${REF},"id":${nest}}`, 'validation_failed', REF);
    await expectRefusal(`{"type":${nest},"ref":${REF}}`, 'validation_failed', REF);
    await expectRefusal(`{"type":"ping","ref":${nest}}`, 'validation_failed', null);
  });

  test('a binary frame, whatever it holds', async () => {
    await expectRefusal(Buffer.from(`{"type":"ping","ref":${REF}}`), 'binary_frame', null);
    await expectRefusal(Buffer.from([0xff, 0xfe, 0x00]), 'binary_frame', null);
  });
});

describe('a frame without a known type is refused:', () => {
  test.each([
    ['no type', `{"ref":${REF}}`],
    ['a number', `{"type":7,"ref":${REF}}`],
    ['null', `{"type":null,"ref":${REF}}`],
    ['a list', `{"type":["ping"],"ref":${REF}}`],
    ['an object', `{"type":{"$ne":1},"ref":${REF}}`],
  ])('%s', async (_, frame) => {
    await expectRefusal(frame, 'validation_failed', REF);
  });

  test.each([
    'shout',
    '',
    'PING',
    'ping ',
    'welcome',
    'entry',
    'edit',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ])('the type %j', async (type) => {
    await expectRefusal(JSON.stringify({ type, ref: REF }), 'unknown_frame', REF);
  });
});

describe('a frame without a proper ref is refused, and answered under the ref it has if that is a whole number:', () => {
  test.each([
    ['missing', '', null],
    ['negative', ',"ref":-1', -1],
    ['a fraction', ',"ref":1.5', null],
    ['1e400', ',"ref":1e400', null],
    ['-1e400', ',"ref":-1e400', null],
    ['1e308', ',"ref":1e308', null],
    ['above 2^53', ',"ref":9007199254740993', null],
    ['a text', ',"ref":"7"', null],
    ['null', ',"ref":null', null],
    ['true', ',"ref":true', null],
    ['a list', ',"ref":[7]', null],
    ['an object', ',"ref":{"$gt":0}', null],
  ])('%s', async (_, ref, answered) => {
    await expectRefusal(`{"type":"ping"${ref}}`, 'validation_failed', answered);
    await expectRefusal(send({}).replace(`,"ref":${REF}`, ref), 'validation_failed', answered);
  });
});

describe('a key that is not a field of the frame is refused, and pollutes nothing:', () => {
  test.each([
    ['__proto__', '"__proto__":{"polluted":true}'],
    ['__proto__ with the fields themselves', '"__proto__":{"type":"ping","ref":1}'],
    ['__proto__ that is no object', '"__proto__":1'],
    ['constructor', '"constructor":{"prototype":{"polluted":true}}'],
    ['prototype', '"prototype":{"polluted":true}'],
    ['one too many', '"role":"owner"'],
    ['an empty one', '"":1'],
    ['one of 60,000 characters', `"${'k'.repeat(60_000)}":1`],
  ])('%s', async (_, member) => {
    await expectRefusal(`{"type":"ping","ref":${REF},${member}}`, 'validation_failed', REF);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('what only the server may say about a message', async () => {
    for (const fields of [
      { seq: 1 },
      { authorId: ana.id },
      { createdAt: '2020-01-01T00:00:00.000Z' },
      { ordinal: 1 },
    ]) {
      await expectRefusal(send(fields), 'validation_failed', REF);
    }
  });

  test('5,000 of them: the answer stays small and names the first ones', async () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `"k${index}":1`).join();
    const answer = await refusalOf(`{"type":"ping","ref":${REF},${keys}}`);
    expect(answer).toMatchObject({ code: 'validation_failed', ref: REF });
    expect(answer.errors).toHaveLength(20);
  });
});

describe('a message of wrong types is refused by its schema:', () => {
  test.each([
    ['no id', { id: undefined }],
    ['a number for an id', { id: 7 }],
    ['a list for an id', { id: [newId()] }],
    ['an object for an id', { id: { $ne: 1 } }],
    ['a text that is no id', { id: "1' OR '1'='1" }],
    ['an id in braces', { id: `{${newId()}}` }],
    ['an id and a NUL', { id: `${newId()}\u0000` }],
    ['no channel', { channelId: undefined }],
    ['the workspace for a channel', { channelId: 'workspace' }],
    ['__proto__ for a channel', { channelId: '__proto__' }],
    ['no body', { body: undefined }],
    ['null for a body', { body: null }],
    ['a number for a body', { body: 7 }],
    ['a list for a body', { body: ['x'] }],
    ['an object for a body', { body: { toString: 'x' } }],
    ['an empty body', { body: '' }],
    ['a blank body', { body: ' \n\t\u00a0\u2003\ufeff' }],
    ['a NUL in the body', { body: 'a\u0000b' }],
    ['8,001 characters', { body: 'x'.repeat(8_001) }],
    ['8,001 emoji', { body: '🦦'.repeat(8_001) }],
  ])('%s', async (_, fields) => {
    await expectRefusal(send(fields), 'validation_failed', REF);
  });
});

describe('what is unknown or not theirs:', () => {
  const strangeIds = () => [
    ['a channel that does not exist', newId()],
    ['a private channel', privateRoom],
    ['a person', ana.id],
    ['a message', newId()],
    ['no id at all but zeros', '00000000-0000-0000-0000-000000000000'],
  ];

  test('a private channel answers every frame as one that does not exist, byte for byte', async () => {
    for (const [what, id] of strangeIds()) {
      for (const frame of [
        { type: 'send', id: newId(), channelId: id, body: 'x' },
        { type: 'read', channelId: id, seq: 1 },
        { type: 'pull', stream: id, after: 0 },
      ]) {
        await expectRefusal(JSON.stringify({ ...frame, ref: REF }), 'channel_not_found', REF);
        const { title, ...rest } = await refusalOf(JSON.stringify({ ...frame, ref: REF }));
        expect(rest, `${frame.type} with ${what}`).toEqual({ type: 'fail', ref: REF, code: 'channel_not_found' });
      }
    }
  });

  test("a public channel that one has not joined says so; another person's stream is none", async () => {
    const { id } = await ana.ask('POST', '/channels', { name: newId(), kind: 'public' });
    await expectRefusal(send({ channelId: id }), 'not_a_member', REF);
    await expectRefusal(`{"type":"pull","ref":${REF},"stream":"${ana.id}","after":0}`, 'channel_not_found', REF);
  });

  test('[S2] an id used again with other content or by somebody else is an id_conflict', async () => {
    const id = newId();
    const first = await socket.ask({ type: 'send', id, channelId: room, body: 'mine' });
    await expectRefusal(send({ id, body: 'other' }), 'id_conflict', REF);

    const elsewhere = await eve.ask('POST', '/channels', { name: newId(), kind: 'private' });
    await expectRefusal(send({ id, body: 'mine', channelId: elsewhere.id }), 'id_conflict', REF);

    const anas = await RawSocket.signedIn(server.url, ana);
    expect(await anas.ask({ type: 'send', id, channelId: room, body: 'mine' })).toMatchObject({ code: 'id_conflict' });
    anas.close();
    expect(await socket.ask({ type: 'send', id, channelId: room, body: 'mine' })).toMatchObject({ id, seq: first.seq });
  });

  test('an archived channel is read, not written', async () => {
    const { id, rev } = await eve.ask('POST', '/channels', { name: newId(), kind: 'public' });
    const { head } = await eve.ask('PATCH', `/channels/${id}`, { archived: true, rev });
    await expectRefusal(send({ channelId: id }), 'channel_archived', REF);
    expect(await socket.ask({ type: 'pull', stream: id, after: 0 })).toMatchObject({ type: 'ok', head });
  });
});

describe('numbers beyond their bounds:', () => {
  test.each(['-1', '0.5', '1e400', '"1"', 'null', '9007199254740993'])('%s for a seq', async (number) => {
    await expectRefusal(`{"type":"read","ref":${REF},"channelId":"${room}","seq":${number}}`, 'validation_failed', REF);
    await expectRefusal(`{"type":"pull","ref":${REF},"stream":"${room}","after":${number}}`, 'validation_failed', REF);
  });

  test.each(['0', '501', '-1', '1.5', '1e9', '"5"', 'null', '[5]'])('%s for the limit of a page', async (limit) => {
    const frame = `{"type":"pull","ref":${REF},"stream":"${room}","after":0,"limit":${limit}}`;
    await expectRefusal(frame, 'validation_failed', REF);
  });

  test('a read cursor beyond the head stops there; a page beyond it is empty', async () => {
    const { head } = await eve.ask('GET', `/channels/${room}`);
    expect(await socket.ask({ type: 'read', channelId: room, seq: Number.MAX_SAFE_INTEGER })).toMatchObject({
      seq: head,
    });
    const page = await socket.ask({ type: 'pull', stream: room, after: Number.MAX_SAFE_INTEGER });
    expect(page).toMatchObject({ type: 'ok', entries: [], head });
  });
});

describe('a frame that is too large', () => {
  test('is 1009 from one byte above 64 KiB, and nothing of it is carried out', async () => {
    const before = await logs();
    const frame = send({});
    socket.send(frame.padEnd(MAX_FRAME_BYTES + 1));
    expect((await socket.closing()).code).toBe(1009);
    expect(await logs()).toBe(before);
  });

  test('is none with exactly 64 KiB', async () => {
    socket.send(send({}).padEnd(MAX_FRAME_BYTES));
    expect(await socket.frame((frame) => frame.ref === REF)).toMatchObject({ type: 'ok' });
  });

  test('with 100,000 brackets is 1009 before anybody parses them', async () => {
    socket.send('['.repeat(100_000));
    expect((await socket.closing()).code).toBe(1009);
  });
});
