import { randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { StartError } from '../domain/start-error.ts';
import type { Config } from './config.ts';

export interface Secrets {
  /** Signs access tokens; at least 32 bytes. */
  readonly tokenSecret: Uint8Array;
  /** The bearer token that `/metrics` asks for. */
  readonly metricsToken: string;
}

const SECRET_BYTES = 32;

const Generated = z.object({ tokenSecret: z.base64url().min(43), metricsToken: z.base64url().min(43) });
type Generated = z.infer<typeof Generated>;

/**
 * The secrets that the configuration gives, and for the rest those of `secrets.json` in the data folder, where they are
 * generated at the first start. Only the owner of the process can read the folder and the file.
 * @throws StartError when the folder cannot be used or the file is damaged.
 */
export function loadSecrets(dataDir: string, config: Pick<Config, 'auth' | 'metrics'>): Secrets {
  const generated = readOrGenerate(dataDir);
  return {
    tokenSecret: config.auth.secret
      ? Buffer.from(config.auth.secret, 'utf8')
      : Buffer.from(generated.tokenSecret, 'base64url'),
    metricsToken: config.metrics.token ?? generated.metricsToken,
  };
}

function readOrGenerate(dataDir: string): Generated {
  const path = join(dataDir, 'secrets.json');
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return read(path) ?? generate(path);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(
      `The data folder ${resolve(dataDir)} cannot be used (${code ?? message}): Parley must be able to read and write it. ` +
        'Mend its permissions, or name another folder with PARLEY_DATA_DIR.',
      { cause: error },
    );
  }
}

function read(path: string): Generated | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const result = Generated.safeParse(parseJson(text));
  if (result.success) return result.data;
  throw new StartError(
    `The file ${resolve(path)} is damaged. Restore it from a backup, or remove it to have new secrets made: ` +
      'access tokens issued before then end, and clients renew theirs.',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function generate(path: string): Generated {
  const secrets: Generated = { tokenSecret: randomText(), metricsToken: randomText() };
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    writeDurably(draft, `${JSON.stringify(secrets, null, 2)}\n`);
    if (!publish(draft, path)) return readOther(path);
  } finally {
    rmSync(draft, { force: true });
  }
  return secrets;
}

/** Puts the finished file in place at once; false when another process was first. */
function publish(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    // Some file systems know no hard links; a rename is as atomic, it only cannot tell who was first.
    renameSync(draft, path);
  }
  return true;
}

function readOther(path: string): Generated {
  const secrets = read(path);
  if (secrets) return secrets;
  throw new StartError(`The file ${resolve(path)} was removed while Parley read it: start again.`);
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function randomText(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}
