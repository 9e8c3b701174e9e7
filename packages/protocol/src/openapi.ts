import type { AnyEndpoint, Schema } from './endpoint.ts';
import { ERRORS, type ErrorCode } from './errors.ts';
import { entitySchemas, type JsonSchema, jsonSchema } from './json-schema.ts';
import { endpoints } from './requests/index.ts';
import { API_PREFIX, PROTOCOL } from './version.ts';

/** The REST API as an OpenAPI 3.1 document, made from the endpoints that the server routes by. */
export function openApiDocument(): JsonSchema {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Parley',
      version: `1.${PROTOCOL.revision}`,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: API_PREFIX }],
    tags: [...new Set(Object.values(endpoints).map(({ tag }) => tag))].map((name) => ({ name })),
    paths: paths(),
    components: {
      schemas: entitySchemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token of a sign-in.' },
      },
    },
  };
}

const DESCRIPTION = `Requests and answers are JSON. Every refusal is a problem (RFC 9457) whose \`code\` says what to do.
Live messages travel on the WebSocket, which the AsyncAPI document describes.

| code | status | meaning | what to do |
| --- | --- | --- | --- |
${Object.entries(ERRORS)
  .map(([code, { status, title, remedy }]) => `| \`${code}\` | ${status} | ${title} | ${remedy} |`)
  .join('\n')}`;

/** Every refusal that a request to the endpoint may get: its own, and those that come with what it asks for. */
export function refusalsOf(endpoint: AnyEndpoint): ErrorCode[] {
  return [
    ...endpoint.errors,
    ...(endpoint.params || endpoint.query || endpoint.body ? VALIDATION : []),
    ...(endpoint.body ? BODY : []),
    ...(endpoint.auth === 'bearer' ? AUTHENTICATION : []),
    ...SERVER,
  ].filter((code, index, all) => all.indexOf(code) === index);
}

const VALIDATION = ['validation_failed'] as const;
const BODY = ['malformed_json', 'payload_too_large', 'unsupported_media_type'] as const;
const AUTHENTICATION = ['not_authenticated', 'invalid_token', 'session_ended'] as const;
const SERVER = ['internal', 'unavailable', 'timeout'] as const;

function paths(): Record<string, Record<string, JsonSchema>> {
  const byPath = Map.groupBy(Object.entries(endpoints), ([, { path }]) => path);
  return Object.fromEntries(
    [...byPath].map(([path, named]) => [
      path,
      Object.fromEntries(named.map(([name, endpoint]) => [endpoint.method.toLowerCase(), operation(name, endpoint)])),
    ]),
  );
}

function operation(operationId: string, endpoint: AnyEndpoint): JsonSchema {
  const parameters = [...parametersIn('path', endpoint.params), ...parametersIn('query', endpoint.query)];
  return {
    operationId,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    security: endpoint.auth === 'bearer' ? [{ bearer: [] }] : [],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(endpoint.body ? { requestBody: requestBody(endpoint.body) } : {}),
    responses: { ...successes(endpoint), ...refusals(endpoint) },
  };
}

function parametersIn(place: 'path' | 'query', schema: Schema | undefined): JsonSchema[] {
  if (!schema) return [];
  // The values as they are meant, `limit=50` being a number, but required only as they are written.
  const { properties = {} } = jsonSchema(schema, 'output') as { properties?: Record<string, JsonSchema> };
  const { required = [] } = jsonSchema(schema, 'input') as { required?: readonly string[] };
  return Object.entries(properties).map(([name, value]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: value,
  }));
}

function requestBody(schema: Schema): JsonSchema {
  return {
    required: !schema.safeParse(undefined).success,
    content: { 'application/json': { schema: jsonSchema(schema, 'input') } },
  };
}

function successes({ statuses, answer }: AnyEndpoint): Record<string, JsonSchema> {
  const content = answer && { 'application/json': { schema: jsonSchema(answer, 'output') } };
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: STATUS_MEANINGS[status] ?? 'Done.', ...(content && status !== 204 ? { content } : {}) },
    ]),
  );
}

const STATUS_MEANINGS: Readonly<Record<number, string>> = {
  200: 'Done.',
  201: 'Created.',
  204: 'Done; there is nothing to say about it.',
};

function refusals(endpoint: AnyEndpoint): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(refusalsOf(endpoint), (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('\n\n'),
        ...(status === 429 ? { headers: { 'Retry-After': { schema: { type: 'integer', minimum: 1 } } } } : {}),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}
