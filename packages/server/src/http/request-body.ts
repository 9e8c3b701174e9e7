import { fail, MAX_FRAME_BYTES } from '@parley/protocol';

const JSON_TYPE = /^application\/json *(?:; *charset *= *"?utf-8"? *)?$/i;

/**
 * The JSON in a request's body, at most 64 KiB of it however it is sent; undefined where there is none.
 * @throws Failure `unsupported_media_type`, `payload_too_large`, `malformed_json`
 */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('Content-Type');
  const encoding = request.headers.get('Content-Encoding') ?? 'identity';
  if ((type !== null && !JSON_TYPE.test(type)) || encoding.toLowerCase() !== 'identity') {
    throw fail('unsupported_media_type');
  }
  const bytes = await readBytes(request);
  if (bytes.byteLength === 0) return undefined;
  if (type === null) throw fail('unsupported_media_type');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw fail('malformed_json');
  }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('Content-Length') ?? 0) > MAX_FRAME_BYTES) throw fail('payload_too_large');
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(request.body)) {
    length += chunk.byteLength;
    if (length > MAX_FRAME_BYTES) throw fail('payload_too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch {
    // The connection ended in the middle of the body: there is nobody left to tell.
    throw fail('malformed_json', 'The body ended too early.');
  }
}
