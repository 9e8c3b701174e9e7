import { newId, WORKSPACE_STREAM } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { Cast, type OpenedStore, refusalOf } from '../test/cast.ts';

export function accountsContract(cast: () => Cast, open: () => Promise<OpenedStore>): void {
  describe('accounts', () => {
    test('the first person owns the workspace, also when several register at once', async () => {
      const { store, close } = await open();
      const people = await new Cast(store).people(5);
      expect(people.map((person) => person.role).sort()).toEqual(['member', 'member', 'member', 'member', 'owner']);
      const { entries } = await store.readEntries({ stream: WORKSPACE_STREAM, after: 0, limit: 10 });
      expect(entries[0]).toMatchObject({ seq: 1, event: { type: 'user.registered', user: { role: 'owner' } } });
      await close();
    });

    test('somebody may be registered as another owner', async () => {
      await cast().person();
      const owner = await cast().store.registerUser({
        ...{ id: newId(), username: 'second.owner', displayName: 'O', passwordHash: 'h', owner: true, at: cast().at() },
      });
      expect(owner.role).toBe('owner');
    });

    test('a username is unique in any letter case, also when all come at once, and the refused leave no trace', async () => {
      const before = (await cast().store.readHeads({ streams: [WORKSPACE_STREAM] }))[WORKSPACE_STREAM] ?? 0;
      const attempts = await Promise.allSettled(
        ['Grace', 'grace', 'GRACE', 'gRaCe'].map((name) => cast().person(name)),
      );
      const accepted = attempts.filter((attempt) => attempt.status === 'fulfilled');
      const refused = attempts.filter((attempt) => attempt.status === 'rejected');
      expect([accepted.length, refused.length]).toEqual([1, 3]);
      expect(refused.map(({ reason }) => reason.code)).toEqual(Array(3).fill('username_taken'));
      const after = (await cast().store.readHeads({ streams: [WORKSPACE_STREAM] }))[WORKSPACE_STREAM];
      expect(after).toBe(before + 1);
      expect(await refusalOf(cast().person('GRACE'))).toBe('username_taken');
    });

    test('credentials are found in any letter case, with the name as it was written', async () => {
      const person = await cast().person('Ada.Lovelace');
      expect(await cast().store.findCredentials({ username: 'aDA.loveLACE' })).toEqual({
        ...{ user: person, passwordHash: 'hash of Ada.Lovelace' },
      });
      expect(await cast().store.findCredentials({ username: 'nobody.at.all' })).toBeNull();
    });

    test('[R1] a new password hash is what the next look finds', async () => {
      const { id: userId, username } = await cast().person();
      await cast().store.setPasswordHash({ userId, passwordHash: 'newer' });
      expect((await cast().store.findCredentials({ username }))?.passwordHash).toBe('newer');
    });

    test('somebody can be made an owner later, which everybody is told', async () => {
      const person = await cast().person();
      const { store } = cast();
      const promoted = await store.promoteToOwner({ username: person.username.toUpperCase(), at: cast().at() });
      expect(promoted).toEqual({ ...person, role: 'owner' });
      const { head } = await store.readEntries({ stream: WORKSPACE_STREAM, after: 0, limit: 1 });
      const { entries } = await store.readEntries({ stream: WORKSPACE_STREAM, after: head - 1, limit: 1 });
      expect(entries).toMatchObject([{ actor: null, event: { type: 'user.updated', user: promoted } }]);
      expect(await refusalOf(store.promoteToOwner({ username: 'nobody.at.all', at: 0 }))).toBe('user_not_found');
    });
  });
}
