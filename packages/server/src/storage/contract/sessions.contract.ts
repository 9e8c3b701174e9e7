import { newId } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import type { Cast } from '../test/cast.ts';

const GRACE_MS = 10_000;
const LIFE_MS = 1_000_000;

export function sessionsContract(cast: () => Cast): void {
  /** Somebody with a session whose first refresh token is `token`. */
  async function aSession() {
    const user = await cast().person();
    const id = newId();
    const token = newId();
    const at = cast().at();
    await cast().store.createSession({ id, userId: user.id, refreshTokenHash: token, at, expiresAt: at + LIFE_MS });
    const rotate = (hash: string, successorHash: string, when: number) =>
      cast().store.rotateRefreshToken({ hash, successorHash, at: when, graceMs: GRACE_MS });
    const find = (when: number) => cast().store.findSession({ sessionId: id, at: when });
    return { user, id, token, at, rotate, find };
  }

  describe('sessions', () => {
    test('a token is spent for its successor, which is spent for the next', async () => {
      const { user, id, token, at, rotate } = await aSession();
      const second = newId();
      const rotated = { status: 'rotated', sessionId: id, user };
      expect(await rotate(token, second, at + 1)).toEqual(rotated);
      expect(await rotate(second, newId(), at + 2)).toEqual(rotated);
      expect(await rotate(newId(), newId(), at + 3)).toEqual({ status: 'unknown' });
    });

    test('[A2] a spent token is answered again for exactly the grace, and its use after that ends the session', async () => {
      const { user, id, token, at, rotate, find } = await aSession();
      const second = newId();
      await rotate(token, second, at);
      expect(await rotate(token, second, at + GRACE_MS)).toEqual({ status: 'rotated', sessionId: id, user });
      expect(await rotate(token, second, at + GRACE_MS + 1)).toEqual({ status: 'reused' });
      expect(await find(at + GRACE_MS + 2)).toBeNull();
      expect((await rotate(second, newId(), at + GRACE_MS + 3)).status).not.toBe('rotated');
    });

    test('what fails midway is undone whole: a session whose token is there already is not made', async () => {
      const { user, token, at } = await aSession();
      const id = newId();
      const twice = { id, userId: user.id, refreshTokenHash: token, at, expiresAt: at + LIFE_MS };
      await expect(cast().store.createSession(twice)).rejects.toThrow();
      expect(await cast().store.findSession({ sessionId: id, at })).toBeNull();
      await cast().store.createSession({ ...twice, refreshTokenHash: newId() });
      expect(await cast().store.findSession({ sessionId: id, at })).toEqual({ user });
    });

    test('two tabs that refresh at once both go on with the one successor', async () => {
      const { token, at, rotate } = await aSession();
      const second = newId();
      const both = await Promise.all([rotate(token, second, at), rotate(token, second, at)]);
      expect(both.map(({ status }) => status)).toEqual(['rotated', 'rotated']);
      expect((await rotate(second, newId(), at + 1)).status).toBe('rotated');
    });

    test('a clock that was set back neither ends a session nor refuses its token', async () => {
      const { token, at, rotate, find } = await aSession();
      const second = newId();
      await rotate(token, second, at);
      expect((await rotate(token, second, at - 3_600_000)).status).toBe('rotated');
      expect(await find(at - 3_600_000)).not.toBeNull();
    });

    test('a session ends when its time is over, however often it was used', async () => {
      const { user, token, at, rotate, find } = await aSession();
      const second = newId();
      await rotate(token, second, at + LIFE_MS - 1);
      expect(await find(at + LIFE_MS - 1)).toEqual({ user });
      expect(await find(at + LIFE_MS)).toBeNull();
      expect(await rotate(second, newId(), at + LIFE_MS)).toEqual({ status: 'ended' });
    });

    test('[A2] ending a session is felt at once, is told to its person once, and leaves their others alone', async () => {
      const { user, id, token, at, rotate, find } = await aSession();
      const other = newId();
      await cast().store.createSession({
        ...{ id: other, userId: user.id, refreshTokenHash: newId(), at, expiresAt: at + LIFE_MS },
      });
      await cast().store.endSession({ sessionId: id, reason: 'logout', at });
      await cast().store.endSession({ sessionId: id, reason: 'logout', at: at + 1 });
      expect(await find(at)).toBeNull();
      expect((await rotate(token, newId(), at)).status).not.toBe('rotated');
      expect(await cast().store.findSession({ sessionId: other, at })).toEqual({ user });
      const { entries } = await cast().store.readEntries({ stream: user.id, after: 0, limit: 10 });
      expect(entries.map(({ event }) => event)).toEqual([{ type: 'session.ended', sessionId: id, reason: 'logout' }]);
      await cast().store.endSession({ sessionId: newId(), reason: 'logout', at });
    });

    /** Goes through all sessions, and tells how many were forgotten. */
    async function forgetAll(overBefore: number, spentBefore: number): Promise<number> {
      let total = 0;
      let after = '';
      do {
        const run = await cast().store.forgetSessions({ after, limit: 2, overBefore, spentBefore });
        expect(run.forgotten).toBeLessThanOrEqual(2);
        expect(run.next === '' || run.next > after).toBe(true);
        total += run.forgotten;
        after = run.next;
      } while (after !== '');
      return total;
    }

    test('sessions that were over long enough are forgotten, a few in each run, and the others go on', async () => {
      await forgetAll(Number.MAX_SAFE_INTEGER, 0);
      const [ended, expired, alive] = [await aSession(), await aSession(), await aSession()];
      await cast().store.endSession({ sessionId: ended.id, reason: 'logout', at: ended.at + 5 });
      expect(await forgetAll(ended.at + 5, 0)).toBe(0);
      expect(await forgetAll(ended.at + 6, 0)).toBe(1);
      expect(await forgetAll(expired.at + LIFE_MS, 0)).toBe(0);
      expect(await forgetAll(expired.at + LIFE_MS + 1, 0)).toBe(1);
      // Its token is gone with it, and could be given again.
      expect(await expired.rotate(expired.token, newId(), expired.at)).toEqual({ status: 'unknown' });
      expect(await alive.find(alive.at)).toEqual({ user: alive.user });
      expect((await alive.rotate(alive.token, newId(), alive.at)).status).toBe('rotated');
    });

    test('a refresh token that was spent long enough ago is forgotten; one that was not is kept, however old', async () => {
      const { token, at, rotate, find } = await aSession();
      const [second, third] = [newId(), newId()];
      await rotate(token, second, at + 100);
      await rotate(second, third, at + 200);
      await forgetAll(0, at + 200);
      expect(await rotate(token, newId(), at + 100 + GRACE_MS + 1)).toEqual({ status: 'unknown' });
      expect(await find(at + 200)).not.toBeNull();
      expect((await rotate(third, newId(), at + 300)).status).toBe('rotated');
      expect(await rotate(second, newId(), at + 200 + GRACE_MS + 1)).toEqual({ status: 'reused' });
    });

    test('[A2] of many sessions those are told that have ended, run out or never were', async () => {
      const sessions = await Promise.all(Array.from({ length: 4 }, aSession));
      const [ended, reused, second] = sessions as [Awaited<ReturnType<typeof aSession>>, ...typeof sessions];
      await cast().store.endSession({ sessionId: ended.id, reason: 'logout', at: ended.at });
      await reused?.rotate(reused.token, newId(), reused.at);
      await reused?.rotate(reused.token, newId(), reused.at + GRACE_MS + 1);
      const at = Math.max(...sessions.map((session) => session.at));
      const ids = sessions.map(({ id }) => id);
      const nobody = Array.from({ length: 1_200 }, newId);
      const find = (sessionIds: readonly string[], when: number) =>
        cast().store.findEndedSessions({ sessionIds, at: when });
      expect(await find([...ids, ...nobody], at)).toEqual([ended.id, reused?.id, ...nobody]);
      expect(await find([second?.id ?? ''], (second?.at ?? 0) + LIFE_MS - 1)).toEqual([]);
      expect(await find([second?.id ?? ''], (second?.at ?? 0) + LIFE_MS)).toEqual([second?.id]);
      expect(await find([], at)).toEqual([]);
    });
  });
}
