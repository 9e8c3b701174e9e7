import { newId } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { SessionCheck } from './session-check.ts';

const ROUND_MS = 10_000;

/** A database that knows which sessions have ended, and what it was asked. */
function aStore() {
  const ended = new Set<string>();
  const asked: (readonly string[])[] = [];
  const state = { isAway: false };
  const store = {
    async findEndedSessions({ sessionIds }: { sessionIds: readonly string[] }) {
      asked.push(sessionIds);
      if (state.isAway) throw new Error('away');
      return sessionIds.filter((id) => ended.has(id));
    },
  };
  return { ended, asked, state, store };
}

function aConnection(sessionId: string | null = newId()) {
  return {
    sessionId,
    ends: 0,
    sessionEnded() {
      this.ends += 1;
    },
  };
}

describe('[A2] sessions whose end nobody told of', () => {
  let database: ReturnType<typeof aStore>;
  let check: SessionCheck;
  beforeEach(() => {
    vi.useFakeTimers();
    database = aStore();
    check = new SessionCheck({ store: database.store as never, clock: new FakeClock() });
  });
  afterEach(() => {
    check.stop();
    vi.useRealTimers();
  });

  test('are found within ten seconds, by one timer, each connection looked up once a round', async () => {
    const connections = Array.from({ length: 1_000 }, () => aConnection());
    for (const connection of connections) check.add(connection);
    expect(vi.getTimerCount()).toBe(1);
    const gone = connections.filter((_, place) => place % 10 === 3);
    for (const { sessionId } of gone) database.ended.add(sessionId as string);
    await vi.advanceTimersByTimeAsync(ROUND_MS);
    expect(database.asked).toHaveLength(15);
    expect(database.asked.flat().sort()).toEqual(connections.map(({ sessionId }) => sessionId).sort());
    expect(connections.filter(({ ends }) => ends > 0)).toEqual(gone);
    expect(gone.every(({ ends }) => ends === 1)).toBe(true);
  });

  test('are asked for once however many connections they have, and end all of them', async () => {
    const session = newId();
    const [one, two, other] = [aConnection(session), aConnection(session), aConnection()];
    database.ended.add(session);
    await check.check(new Set([one, two, other]));
    expect(database.asked).toEqual([[session, other.sessionId]]);
    expect([one.ends, two.ends, other.ends]).toEqual([1, 1, 0]);
  });

  test('are found in the next round where the database did not answer, and whoever asked is told', async () => {
    const connection = aConnection();
    check.add(connection);
    database.ended.add(connection.sessionId as string);
    database.state.isAway = true;
    await expect(check.check(new Set([connection]))).rejects.toThrow('away');
    await vi.advanceTimersByTimeAsync(ROUND_MS);
    expect(connection.ends).toBe(0);
    database.state.isAway = false;
    await vi.advanceTimersByTimeAsync(ROUND_MS);
    expect(connection.ends).toBe(1);
  });

  test('are not asked for where nobody is signed in, or nobody is there any more', async () => {
    check.add(aConnection(null));
    check.add(aConnection())();
    await vi.advanceTimersByTimeAsync(ROUND_MS);
    expect(database.asked).toEqual([]);
  });
});
