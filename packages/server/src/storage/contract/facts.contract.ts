import { newId } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import type { Cast, OpenedStore } from '../test/cast.ts';

export function factsContract(cast: () => Cast, open: () => Promise<OpenedStore>): void {
  describe('the database itself', () => {
    test('[D4] a new epoch stands in every snapshot from then on, and in the store when it is opened again', async () => {
      const opened = await open();
      const { store } = opened;
      const userId = newId();
      await store.registerUser({ ...{ id: userId, username: 'ana', displayName: 'Ana' }, passwordHash: '', at: 1 });
      const epoch = newId();
      await store.startEpoch({ epoch });
      expect((await store.bootstrap({ userId })).epoch).toBe(epoch);
      expect((await opened.reopen()).epoch).toBe(epoch);
      await opened.close();
    });

    test('tells a secret from the one that was noted before, and no other', async () => {
      const [first, second] = [newId(), newId()];
      const note = async (fingerprint: string) => (await cast().store.noteSecret({ fingerprint })).wasAnother;
      expect(await note(first)).toBe(false);
      expect(await note(first)).toBe(false);
      expect(await note(second)).toBe(true);
      expect(await note(second)).toBe(false);
      expect(await note(first)).toBe(true);
    });
  });
}
