import { expect, test } from 'vitest';
import { asyncApiDocument } from './asyncapi.ts';
import { CLOSES } from './closes.ts';
import { DownFrame } from './down.ts';
import { ERRORS } from './errors.ts';
import { openApiDocument, refusalsOf } from './openapi.ts';
import { endpoints } from './requests/index.ts';
import { UpFrame } from './up.ts';

type Json = { readonly [key: string]: Json } & { readonly length: number };

const openApi = openApiDocument() as unknown as Json;
const asyncApi = asyncApiDocument() as unknown as Json;

/** What a reference like `#/components/schemas/User` points at. */
function follow(document: unknown, reference: string): unknown {
  const keys = reference.replace('#/', '').split('/');
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
}

function referencesIn(document: unknown): string[] {
  return [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference as string);
}

test.each([
  ['OpenAPI', openApi],
  ['AsyncAPI', asyncApi],
])('every reference of the %s document leads somewhere inside it', (_, document) => {
  const references = referencesIn(document);
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) expect(follow(document, reference), reference).toBeDefined();
});

test.each(Object.entries(endpoints))('the endpoint %s is documented as it is served', (name, endpoint) => {
  const operation = openApi.paths?.[endpoint.path]?.[endpoint.method.toLowerCase()] as Json;
  expect(operation).toMatchObject({ operationId: name, tags: [endpoint.tag], summary: endpoint.summary });
  expect(operation.security).toEqual(endpoint.auth === 'bearer' ? [{ bearer: [] }] : []);

  const refused = refusalsOf(endpoint).map((code) => String(ERRORS[code].status));
  const statuses = new Set([...endpoint.statuses.map(String), ...refused]);
  expect(new Set(Object.keys(operation.responses ?? {}))).toEqual(statuses);

  const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
  const parameters = (operation.parameters ?? []) as unknown as { name: string; in: string; required: boolean }[];
  expect(
    parameters.filter((parameter) => parameter.in === 'path').map(({ name, required }) => [name, required]),
  ).toEqual(inPath.map((parameter) => [parameter, true]));
  expect(operation.requestBody !== undefined).toBe('body' in endpoint);
});

test('the OpenAPI document has no operation beyond the endpoints, and each has its own id', () => {
  const operations = Object.values(openApi.paths ?? {}).flatMap((path) => Object.values(path));
  const ids = operations.map((operation) => String(operation.operationId));
  expect(new Set(ids)).toEqual(new Set(Object.keys(endpoints)));
  expect(ids).toHaveLength(Object.keys(endpoints).length);
});

test('every refusal that an endpoint names stands in the catalogue', () => {
  for (const endpoint of Object.values(endpoints)) {
    for (const code of refusalsOf(endpoint)) expect(ERRORS).toHaveProperty(code);
  }
});

test('the documents tell of every error and every close code', () => {
  for (const code of Object.keys(ERRORS)) expect(openApi.info?.description).toContain(`\`${code}\``);
  for (const code of Object.keys(CLOSES)) expect(asyncApi.info?.description).toContain(`| ${code} |`);
});

test('requests say what they refuse, answers leave room for fields to come', () => {
  const body = openApi.paths?.['/auth/register']?.post?.requestBody?.content?.['application/json']?.schema;
  expect(body).toMatchObject({ additionalProperties: false, required: ['username', 'password'] });
  expect(body?.properties?.displayName).toEqual({ type: 'string', minLength: 1, maxLength: 64 });
  for (const schema of Object.values(openApi.components?.schemas ?? {})) {
    expect(JSON.stringify(schema)).not.toContain('"additionalProperties":false');
  }
});

test('every frame of the socket is a message with an operation that carries it', () => {
  const up = UpFrame.def.options.map((option) => option.shape.type.def.values[0] as string);
  const down = DownFrame.def.options.map((option) => option.shape.type.def.values[0] as string);
  expect(Object.keys(asyncApi.components?.messages ?? {})).toEqual([...up, ...down]);

  const operations = asyncApi.operations as unknown as Record<string, { action: string } & Json>;
  for (const type of up) expect(operations[type]?.action).toBe('receive');
  const sent = new Set(
    referencesIn(
      Object.values(operations).map(({ action, messages, reply }) => [action === 'send' && messages, reply]),
    ),
  );
  for (const type of down) expect(sent).toContain(`#/channels/socket/messages/${type}`);
});
