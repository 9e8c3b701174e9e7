import type { PresenceState } from '@parley/protocol';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bestPresence } from '../domain/best-presence.ts';
import { Attendance, type Departure, type Stay } from './attendance.ts';

/** For how long a departed connection still counts. */
const HELD_MS: Readonly<Record<Departure, number>> = { 'for-good': 0, lost: 1_000, restart: 8_000 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An attendance, and all that it has said. */
function anAttendance() {
  const said: string[] = [];
  const states = new Map<string, PresenceState>();
  const attendance = new Attendance({
    set(userId, state) {
      said.push(`${userId} ${state}`);
      states.set(userId, state);
    },
  });
  return { attendance, said, stateOf: (userId: string) => states.get(userId) ?? 'offline' };
}

describe('[P1] what somebody’s connections make of them', () => {
  test('with any devices that come, go, rest and wake, it is the best of all that count', async () => {
    const aStep = fc.oneof(
      { weight: 3, arbitrary: fc.record({ arrives: fc.nat(1) }) },
      { weight: 3, arbitrary: fc.record({ which: fc.nat(20), active: fc.boolean() }) },
      {
        weight: 3,
        arbitrary: fc.record({
          which: fc.nat(20),
          departure: fc.constantFrom<Departure>('for-good', 'lost', 'restart'),
        }),
      },
      { weight: 2, arbitrary: fc.record({ passes: fc.integer({ min: 1, max: 3_000 }) }) },
    );
    await fc.assert(
      fc.property(fc.array(aStep, { maxLength: 60 }), (steps) => {
        const { attendance, said, stateOf } = anAttendance();
        const devices: { userId: string; stay: Stay; state: PresenceState; until: number }[] = [];
        for (const step of steps) {
          if ('arrives' in step) {
            const userId = `user ${step.arrives}`;
            devices.push({ userId, stay: attendance.arrive(userId), state: 'online', until: Number.POSITIVE_INFINITY });
          } else if ('passes' in step) {
            vi.advanceTimersByTime(step.passes);
          } else {
            const device = devices[step.which % Math.max(1, devices.length)];
            const hasLeft = device === undefined || device.until < Number.POSITIVE_INFINITY;
            if ('active' in step) {
              device?.stay.setActive(step.active);
              if (!hasLeft) device.state = step.active ? 'online' : 'away';
            } else {
              device?.stay.leave(step.departure);
              if (!hasLeft) device.until = performance.now() + HELD_MS[step.departure];
            }
          }
          for (const userId of ['user 0', 'user 1']) {
            const counting = devices.filter((device) => device.userId === userId && device.until > performance.now());
            expect(stateOf(userId)).toBe(bestPresence(counting.map(({ state }) => state)));
          }
        }
        // Nothing is said twice.
        for (const userId of ['user 0', 'user 1']) {
          const own = said.filter((line) => line.startsWith(userId));
          expect(own.filter((line, index) => line === own[index - 1])).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a page that is loaded anew says nothing at all', () => {
    const { attendance, said } = anAttendance();
    attendance.arrive('ana').leave('lost');
    vi.advanceTimersByTime(900);
    const again = attendance.arrive('ana');
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual(['ana online']);
    again.leave('lost');
    vi.advanceTimersByTime(999);
    expect(said).toEqual(['ana online']);
    vi.advanceTimersByTime(1);
    expect(said).toEqual(['ana online', 'ana offline']);
  });

  test('however many leave at once, they share one timer', () => {
    const { attendance, stateOf } = anAttendance();
    const stays = Array.from({ length: 1_000 }, (_, index) => attendance.arrive(`${index}`));
    for (const [index, stay] of stays.entries()) stay.leave(index % 2 ? 'lost' : 'restart');
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect([stateOf('0'), stateOf('1')]).toEqual(['online', 'offline']);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(8_000);
    expect([stateOf('0'), vi.getTimerCount()]).toEqual(['offline', 0]);
  });

  test('what a server says last is not that its people are gone', () => {
    const { attendance, said } = anAttendance();
    attendance.arrive('ana').leave('restart');
    attendance.close();
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual(['ana online']);
  });
});
