import * as z from 'zod/mini';
import type { Schema } from './endpoint.ts';
import {
  Channel,
  ChannelView,
  Entry,
  Event,
  ListedChannel,
  Member,
  Message,
  MyChannel,
  Snapshot,
  User,
} from './models.ts';
import { Problem } from './problem.ts';
import { SignedIn } from './requests/auth.ts';

/** What the documents describe once, under this name, and refer to from everywhere else. */
const ENTITIES = {
  User,
  SignedIn,
  Channel,
  MyChannel,
  ChannelView,
  ListedChannel,
  Member,
  Message,
  Event,
  Entry,
  Snapshot,
  Problem,
} as const satisfies Record<string, Schema>;

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const names = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries(ENTITIES)) names.add(schema as Schema, { id });

/**
 * The schema as JSON Schema, as it is written (`input`) or as it is read (`output`). Named entities become references
 * to `#/components/schemas/…`, which both OpenAPI and AsyncAPI understand.
 */
export function jsonSchema(schema: Schema, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, $defs: _definitions, ...rest } = convert(schema, io);
  return rest;
}

/** The named entities, for the `components` of a document. */
export function entitySchemas(): Record<string, JsonSchema> {
  const { $defs } = convert(z.object(ENTITIES), 'output');
  return $defs as Record<string, JsonSchema>;
}

function convert(schema: Schema, io: 'input' | 'output'): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io,
    metadata: names,
    override: ({ zodSchema, jsonSchema: made }) => {
      // The lengths that `text` and `label` check by counting characters.
      Object.assign(made, z.globalRegistry.get(zodSchema));
      tidy(made);
      // Whoever reads an answer ignores what it does not know, so that fields can be added.
      if (io === 'output' && made.additionalProperties === false) delete made.additionalProperties;
    },
  });
  return JSON.parse(JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/'));
}

function tidy(made: z.core.JSONSchema.BaseSchema): void {
  delete made.id;
  // A format says it better than the expression behind it, and whole numbers are safe ones anyway.
  if (made.format !== undefined) delete made.pattern;
  if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
  if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
}
