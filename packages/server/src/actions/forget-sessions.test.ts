import { newId } from '@parley/protocol';
import { expect, test } from 'vitest';
import { createTestApp } from '../test/test-app.ts';
import { forgetSessions } from './forget-sessions.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

test('goes through all sessions, ten in each run, and forgets those that were over for more than a day', async () => {
  const { services, clock, close } = await createTestApp();
  const { store } = services;
  const userId = newId();
  const at = clock.now();
  await store.registerUser({ ...{ id: userId, username: 'ana', displayName: 'Ana' }, passwordHash: '', at });
  const ids = Array.from({ length: 25 }, () => newId());
  for (const [index, id] of ids.entries()) {
    const expiresAt = at + (index % 2 === 0 ? DAY_MS : 100 * DAY_MS);
    await store.createSession({ id, userId, refreshTokenHash: id, at, expiresAt });
  }
  const isKnown = async (hash: string) =>
    (await store.rotateRefreshToken({ hash, successorHash: newId(), at: clock.now(), graceMs: 0 })).status !==
    'unknown';

  const places: string[] = [];
  const goThrough = async () => {
    let after = '';
    do {
      after = await forgetSessions(services, after);
      places.push(after);
    } while (after !== '');
  };
  clock.advance(2 * DAY_MS);
  await goThrough();
  expect(places).toEqual([ids[9], ids[19], '']);
  expect(await isKnown(ids[0] as string)).toBe(true);
  clock.advance(1);
  await goThrough();
  expect(await isKnown(ids[2] as string)).toBe(false);
  expect(await isKnown(ids[24] as string)).toBe(false);
  expect(await isKnown(ids[1] as string)).toBe(true);
  await close();
});
