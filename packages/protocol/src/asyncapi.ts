import { CLOSES } from './closes.ts';
import { DownFrame } from './down.ts';
import type { Schema } from './endpoint.ts';
import { entitySchemas, type JsonSchema, jsonSchema } from './json-schema.ts';
import { UpFrame } from './up.ts';
import { MAX_FRAME_BYTES, PROTOCOL, SOCKET_PATH, SUBPROTOCOL } from './version.ts';

/** The socket as an AsyncAPI 3.0 document. `send` and `receive` are the server's own, as that standard has it. */
export function asyncApiDocument(): JsonSchema {
  const up = framesOf(UpFrame, 'input');
  const down = framesOf(DownFrame, 'output');
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parley',
      version: `1.${PROTOCOL.revision}`,
      description: DESCRIPTION,
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    channels: {
      socket: {
        address: SOCKET_PATH,
        title: 'The socket',
        description: `A WebSocket that speaks the subprotocol \`${SUBPROTOCOL}\`.`,
        messages: Object.fromEntries(
          [...up, ...down].map(({ type }) => [type, { $ref: `#/components/messages/${type}` }]),
        ),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
      },
    },
    operations: Object.fromEntries([
      ...up.map(({ type }) => [type, operation('receive', type, ANSWERS[type as UpFrame['type']])]),
      ...down.filter(({ type }) => !isAnswer(type)).map(({ type }) => [type, operation('send', type)]),
    ]),
    components: {
      messages: Object.fromEntries([...up, ...down].map(({ type, payload }) => [type, message(type, payload)])),
      schemas: entitySchemas(),
    },
  };
}

const DESCRIPTION = `JSON text frames of at most ${MAX_FRAME_BYTES / 1_024} KiB. What a client says carries a \`ref\`; the answer to it carries the same.
The codes of \`fail\` are those of the REST API.

| close code | name | meaning | what to do |
| --- | --- | --- | --- |
${Object.entries(CLOSES)
  .map(([code, { name, meaning, then }]) => `| ${code} | ${name} | ${meaning} | ${then} |`)
  .join('\n')}`;

const SUMMARIES: Readonly<Record<UpFrame['type'] | DownFrame['type'], string>> = {
  hello: 'Comes first, within 5 s: who is there, and where to resume.',
  send: 'Sends a message under an id that the sender made.',
  read: 'Moves the read cursor of a channel forward.',
  pull: 'Asks for a page of a log.',
  watch: 'Names the people whose presence is shown.',
  active: 'Says whether somebody is at this client.',
  auth: 'Hands over a fresh access token.',
  ping: 'Asks for a sign of life.',
  welcome: 'Answers hello: the streams that are followed, and their heads.',
  entry: 'One entry of a log. Those of a stream arrive in order, without a gap and never twice.',
  ok: 'It was done.',
  fail: 'It was refused, and nothing happened; or, for the codes to retry, nobody knows.',
  beat: 'Now and then: the heads of the streams that moved.',
  presence: 'Who of the watched people is online, away or offline: all of them at first, then each change.',
  behind: 'Too much was missed to be sent: pull the entries up to the head.',
  reset: 'The cursors mean nothing here: forget everything and start from a snapshot.',
  pong: 'A sign of life.',
};

const ANSWERS: Readonly<Record<UpFrame['type'], readonly DownFrame['type'][]>> = {
  hello: ['welcome', 'fail'],
  send: ['ok', 'fail'],
  read: ['ok', 'fail'],
  pull: ['ok', 'fail'],
  watch: ['ok', 'fail'],
  active: ['ok', 'fail'],
  auth: ['ok', 'fail'],
  ping: ['pong'],
};

function isAnswer(type: string): boolean {
  return Object.values<readonly string[]>(ANSWERS).some((answers) => answers.includes(type));
}

interface Frame {
  readonly type: string;
  readonly payload: JsonSchema;
}

function framesOf(union: { readonly def: { readonly options: readonly unknown[] } }, io: 'input' | 'output'): Frame[] {
  return union.def.options.map((option) => {
    const payload = jsonSchema(option as Schema, io) as JsonSchema & { properties: { type: { const: string } } };
    return { type: payload.properties.type.const, payload };
  });
}

function message(name: string, payload: JsonSchema): JsonSchema {
  return { name, title: name, summary: SUMMARIES[name as keyof typeof SUMMARIES], payload };
}

function operation(action: 'send' | 'receive', type: string, answers: readonly string[] = []): JsonSchema {
  const reference = (name: string) => ({ $ref: `#/channels/socket/messages/${name}` });
  const channel = { $ref: '#/channels/socket' };
  return {
    action,
    channel,
    summary: SUMMARIES[type as keyof typeof SUMMARIES],
    messages: [reference(type)],
    ...(answers.length > 0 ? { reply: { channel, messages: answers.map(reference) } } : {}),
  };
}
