import { expect, test } from 'vitest';
import { createTestApp } from '../test/test-app.ts';
import { noteSecret } from './note-secret.ts';

test('a node that signs with another secret than the one before it is warned, and the secret is not kept', async () => {
  const { services, close } = await createTestApp();
  const kept: string[] = [];
  const store = {
    ...services.store,
    noteSecret(input: { fingerprint: string }) {
      kept.push(input.fingerprint);
      return services.store.noteSecret(input);
    },
  };
  const [mine, yours] = [Buffer.from('a'.repeat(32)), Buffer.from('b'.repeat(32))];
  expect(await noteSecret({ store }, mine)).toEqual([]);
  expect(await noteSecret({ store }, mine)).toEqual([]);
  expect(await noteSecret({ store }, yours)).toEqual([expect.stringContaining('PARLEY_SECRET')]);
  for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const) {
    expect(kept.join()).not.toContain(mine.toString(encoding));
  }
  await close();
});
