import { createHmac } from 'node:crypto';
import type { Services } from './services.ts';

/**
 * Notes in the database by which secret this node signs. Where the node that did so before it had another one, a
 * sentence comes back that says what follows: the two refuse each other's tokens and hints.
 */
export async function noteSecret({ store }: Pick<Services, 'store'>, secret: Uint8Array): Promise<readonly string[]> {
  const fingerprint = createHmac('sha256', secret).update('parley secret').digest('base64url');
  const { wasAnother } = await store.noteSecret({ fingerprint });
  return wasAnother ? [ANOTHER_SECRET] : [];
}

const ANOTHER_SECRET =
  'The node that started before this one on the same database signs with another secret. If it is still running, each ' +
  "refuses the other's access tokens and hints: give all nodes the same PARLEY_SECRET. If the secret was changed, or " +
  'secrets.json made anew, all is well, and this warning ends with the next start.';
