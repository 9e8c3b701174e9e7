import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { Entry } from '@parley/protocol';

/** Nobody who keeps to the rules publishes more at once. */
const MOST_BYTES = 1024 * 1024;
const GOOD_SIZE = 128 * 1024;
const MAC_LENGTH = 43;
const NODE_LENGTH = 22;

/** What is wrong with a message: no node of ours signed it, it is none of our hints, or it is too large to look at. */
export type HintFault = 'forged' | 'invalid' | 'oversized';

type Opened =
  | { readonly status: 'hints'; readonly entries: readonly Entry[] }
  /** The node's own, which comes back to it. */
  | { readonly status: 'own' }
  | { readonly status: 'refused'; readonly fault: HintFault };

/**
 * Signs the hints of one node and checks those of the others. A hint's content is delivered to people as it is, so
 * what nobody who knows the secret has signed, for this stream of this database, is not looked at any further.
 */
export class SignedHints {
  readonly #key: Uint8Array;
  readonly #node = randomBytes(16).toString('base64url');

  /** `epoch` is the database's: hints of another lineage are as good as forged. */
  constructor(secret: Uint8Array, epoch: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, epoch, 'parley: hints between nodes', 32));
  }

  /** Messages that carry the entries of one stream, in order. */
  *seal(stream: string, entries: readonly Entry[]): Generator<string> {
    let texts: string[] = [];
    let size = 0;
    for (const entry of entries) {
      const text = JSON.stringify(entry);
      if (texts.length > 0 && size + text.length > GOOD_SIZE) {
        yield this.#sealed(stream, texts);
        texts = [];
        size = 0;
      }
      texts.push(text);
      size += text.length;
    }
    if (texts.length > 0) yield this.#sealed(stream, texts);
  }

  open(stream: string, message: Buffer): Opened {
    if (message.length > MOST_BYTES) return refused('oversized');
    const signed = message.subarray(MAC_LENGTH);
    const node = signed.toString('latin1', 0, NODE_LENGTH);
    if (node === this.#node) return { status: 'own' };
    if (!areEqual(message.subarray(0, MAC_LENGTH), this.#mac(stream, signed))) return refused('forged');
    const entries = parseEntries(signed.toString('utf8', NODE_LENGTH));
    const isRight = entries?.every((entry) => entry.stream === stream);
    return entries && isRight ? { status: 'hints', entries } : refused('invalid');
  }

  #sealed(stream: string, texts: readonly string[]): string {
    const signed = `${this.#node}[${texts.join(',')}]`;
    return this.#mac(stream, signed) + signed;
  }

  #mac(stream: string, signed: string | Buffer): string {
    return createHmac('sha256', this.#key).update(`${stream}\n`).update(signed).digest('base64url');
  }
}

function refused(fault: HintFault): Opened {
  return { status: 'refused', fault };
}

function areEqual(given: Buffer, right: string): boolean {
  return given.length === MAC_LENGTH && timingSafeEqual(given, Buffer.from(right));
}

function parseEntries(text: string): readonly Entry[] | null {
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) ? values.map((value) => Entry.parse(value)) : null;
  } catch {
    return null;
  }
}
