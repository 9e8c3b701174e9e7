import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { HttpContext } from './context.ts';

/** The files of a folder, as they were when it was opened. */
export interface Folder {
  /** Whether there is a file at this place, written as in a URL, without a slash at its beginning. */
  has(name: string): boolean;
  /** The file, or 304 where the client has it; compressed where that helps. */
  answer(context: HttpContext, name: string): Promise<Response>;
}

/**
 * Opens a folder for reading; null where there is none. A request only ever picks a name from the list made here, so no
 * path that it may invent leads outside. Source maps are left out.
 */
export function openFolder(root: string): Folder | null {
  const names = listFiles(root);
  if (!names) return null;
  const files = new Map(names.map((name) => [name, once(() => load(join(root, name)))]));

  return {
    has: (name) => files.has(name),
    async answer(context, name) {
      const file = await files.get(name)?.();
      if (!file) return context.notFound();
      const encoding = file.compressible ? chooseEncoding(context.req.header('Accept-Encoding')) : null;
      const etag = `"${file.digest}${encoding ? `-${encoding}` : ''}"`;
      context.header('ETag', etag);
      if (file.compressible) context.header('Vary', 'Accept-Encoding');
      if (sameTag(context.req.header('If-None-Match'), etag)) return context.body(null, 304);
      context.header('Content-Type', CONTENT_TYPES[extname(name)] ?? 'application/octet-stream');
      if (encoding) context.header('Content-Encoding', encoding);
      return context.body(encoding ? await file.compressed[encoding]() : file.bytes);
    },
  };
}

function listFiles(root: string): string[] | null {
  try {
    return readdirSync(root, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
      .map((entry) => join(entry.parentPath, entry.name).slice(join(root, sep).length).replaceAll(sep, '/'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.mp3': 'audio/mpeg',
};
const COMPRESSIBLE = new Set(['.html', '.js', '.css', '.json', '.webmanifest', '.txt', '.svg', '.wasm']);
const WORTH_COMPRESSING = 1_024;

type Encoding = 'br' | 'gzip';
type Bytes = Uint8Array<ArrayBuffer>;

async function load(path: string) {
  const bytes: Bytes = new Uint8Array(await readFile(path));
  return {
    bytes,
    digest: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    compressible: COMPRESSIBLE.has(extname(path)) && bytes.byteLength >= WORTH_COMPRESSING,
    compressed: {
      br: once(async () => new Uint8Array(await promisify(brotliCompress)(bytes, { params: BROTLI }))),
      gzip: once(async () => new Uint8Array(await promisify(gzip)(bytes))),
    } satisfies Record<Encoding, () => Promise<Bytes>>,
  };
}

/** Close to the smallest, at a tenth of the time that the smallest takes. */
const BROTLI = { [constants.BROTLI_PARAM_QUALITY]: 6 };

function chooseEncoding(accepted = ''): Encoding | null {
  const offered = accepted
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
    .map((part) => part.replace(/\s*;.*$/, ''));
  if (offered.includes('br')) return 'br';
  return offered.includes('gzip') ? 'gzip' : null;
}

function sameTag(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) ?? false;
}

/** Runs the work on the first call alone; a failed one is tried again. */
function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | null = null;
  return () => {
    result ??= work().catch((error) => {
      result = null;
      throw error;
    });
    return result;
  };
}
