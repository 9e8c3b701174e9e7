import { hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { createMac } from './mac.ts';

/** Nobody who keeps to the rules publishes more at once. */
const MOST_BYTES = 1024 * 1024;
const MAC_LENGTH = 43;
const NODE_LENGTH = 22;

export type Opened =
  /** Another node of ours has said this. */
  | { readonly status: 'signed'; readonly node: string; readonly text: string }
  /** The node's own, which comes back to it. */
  | { readonly status: 'own' }
  /** No node of ours signed it, or it is too large to look at. */
  | { readonly status: 'refused'; readonly fault: 'forged' | 'oversized' };

/**
 * Signs what one node tells the others by Redis, and checks what the others tell. What nobody who knows the secret has
 * signed, for this purpose, topic and database, is not looked at any further.
 */
export class SignedMessages {
  /** The name that this node signs with: another one in each process. */
  readonly node = randomBytes(16).toString('base64url');
  readonly #mac: ReturnType<typeof createMac>;

  /** `epoch` is the database's: messages of another lineage are as good as forged. */
  constructor(secret: Uint8Array, epoch: string, purpose: string) {
    this.#mac = createMac(new Uint8Array(hkdfSync('sha256', secret, epoch, `parley: ${purpose}`, 32)));
  }

  seal(topic: string, text: string): string {
    const signed = this.node + text;
    return this.#mac(signed, `${topic}\n`) + signed;
  }

  /** Checks a message that another node is said to have published. */
  open(topic: string, message: Buffer): Opened {
    return nodeIn(message) === this.node ? { status: 'own' } : this.check(topic, message);
  }

  /** Checks a message that any node is said to have signed, this one among them. */
  check(topic: string, message: Buffer): Opened {
    if (message.length > MOST_BYTES) return { status: 'refused', fault: 'oversized' };
    const signed = message.subarray(MAC_LENGTH);
    if (!areEqual(message.subarray(0, MAC_LENGTH), this.#mac(signed, `${topic}\n`))) {
      return { status: 'refused', fault: 'forged' };
    }
    return { status: 'signed', node: nodeIn(message), text: signed.toString('utf8', NODE_LENGTH) };
  }
}

function areEqual(given: Buffer, right: string): boolean {
  return given.length === MAC_LENGTH && timingSafeEqual(given, Buffer.from(right));
}

function nodeIn(message: Buffer): string {
  return message.toString('latin1', MAC_LENGTH, MAC_LENGTH + NODE_LENGTH);
}
