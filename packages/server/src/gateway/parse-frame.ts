import { Active, Auth, fail, Hello, Ping, Pull, Read, type Schema, Send, type UpFrame, Watch } from '@parley/protocol';
import { validate } from '../domain/validate.ts';

const SCHEMAS: { readonly [Type in UpFrame['type']]: Schema<Extract<UpFrame, { type: Type }>> } = {
  hello: Hello,
  send: Send,
  read: Read,
  pull: Pull,
  watch: Watch,
  active: Active,
  auth: Auth,
  ping: Ping,
};

/** What a client wrote, as far as it could be read: `ref` is there for the answer even where the rest is refused. */
export interface RawFrame {
  readonly ref: number | null;
  readonly value: unknown;
}

/** @throws malformed_json, validation_failed */
export function readJson(data: Buffer): RawFrame {
  let value: unknown;
  try {
    value = JSON.parse(data.toString());
  } catch {
    throw fail('malformed_json');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fail('validation_failed', { errors: [{ path: '', message: 'needs an object' }] });
  }
  const { ref } = value as { ref?: unknown };
  return { value, ref: typeof ref === 'number' && Number.isSafeInteger(ref) ? ref : null };
}

/** @throws unknown_frame, validation_failed */
export function parseFrame({ value }: RawFrame): UpFrame {
  const { type } = value as { type?: unknown };
  if (typeof type !== 'string') {
    throw fail('validation_failed', { errors: [{ path: 'type', message: 'needs the name of a frame' }] });
  }
  if (!Object.hasOwn(SCHEMAS, type)) throw fail('unknown_frame');
  if (type === 'hello') refuseProto((value as { cursors?: unknown }).cursors);
  return validate<UpFrame>(SCHEMAS[type as UpFrame['type']] as Schema<UpFrame>, value);
}

/** The schema of a record passes over this one key instead of refusing it. */
function refuseProto(record: unknown): void {
  if (typeof record !== 'object' || record === null || !Object.hasOwn(record, '__proto__')) return;
  throw fail('validation_failed', { errors: [{ path: 'cursors.__proto__', message: 'is not the id of a stream' }] });
}
