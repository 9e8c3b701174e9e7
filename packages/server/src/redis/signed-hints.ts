import { Entry } from '@parley/protocol';
import { type Opened as OpenedMessage, SignedMessages } from './signed-messages.ts';

const GOOD_SIZE = 32 * 1024;

/** What is wrong with a message: no node of ours signed it, it is none of our hints, or it is too large to look at. */
export type HintFault = 'forged' | 'invalid' | 'oversized';

/** A message that carries entries of one stream. */
export interface SealedHint {
  readonly text: string;
  readonly last: Entry;
}

type Opened =
  | { readonly status: 'hints'; readonly entries: readonly Entry[] }
  /** The node's own, which comes back to it. */
  | { readonly status: 'own' }
  | { readonly status: 'refused'; readonly fault: HintFault };

/**
 * Signs the hints of one node and checks those of the others. A hint's content is delivered to people as it is, so
 * what is not signed is not looked at any further.
 */
export class SignedHints {
  readonly #messages: SignedMessages;

  /** `epoch` is the database's: hints of another lineage are as good as forged. */
  constructor(secret: Uint8Array, epoch: string) {
    this.#messages = new SignedMessages(secret, epoch, 'hints between nodes');
  }

  /** Messages that carry the entries of one stream, in order. */
  *seal(stream: string, entries: readonly Entry[]): Generator<SealedHint> {
    let texts: string[] = [];
    let size = 0;
    let last: Entry | undefined;
    for (const entry of entries) {
      const text = JSON.stringify(entry);
      if (last && size + text.length > GOOD_SIZE) {
        yield { text: this.#sealed(stream, texts), last };
        texts = [];
        size = 0;
      }
      texts.push(text);
      size += text.length;
      last = entry;
    }
    if (last) yield { text: this.#sealed(stream, texts), last };
  }

  /** Checks a message that another node is said to have published. */
  open(stream: string, message: Buffer): Opened {
    return readHints(stream, this.#messages.open(stream, message));
  }

  /** Checks a message that any node is said to have sealed, this one among them. */
  check(stream: string, message: Buffer): Opened {
    return readHints(stream, this.#messages.check(stream, message));
  }

  #sealed(stream: string, texts: readonly string[]): string {
    return this.#messages.seal(stream, `[${texts.join(',')}]`);
  }
}

function readHints(stream: string, opened: OpenedMessage): Opened {
  if (opened.status !== 'signed') return opened;
  const entries = parseEntries(opened.text);
  const isRight = entries?.every((entry) => entry.stream === stream);
  return entries && isRight ? { status: 'hints', entries } : { status: 'refused', fault: 'invalid' };
}

function parseEntries(text: string): readonly Entry[] | null {
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) ? values.map((value) => Entry.parse(value)) : null;
  } catch {
    return null;
  }
}
