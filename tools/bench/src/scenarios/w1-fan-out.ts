import type { Outcome } from '../report/outcome.ts';
import { compareFanOut, cpuRow, describeComparison, describeRounds, type FanOutCase } from './fan-out-comparison.ts';

const TARGET = 1.25;
const ROUNDS = 5;
const CASES: readonly FanOutCase[] = [
  { members: 100, messages: 1_000, inFlight: 1 },
  { members: 1_000, messages: 120, inFlight: 1 },
  { members: 4_000, messages: 40, inFlight: 1 },
];

/** W1: one room, one message at a time, the next one when everybody has the last. */
export async function measureFanOut(): Promise<Outcome> {
  const comparisons = await compareFanOut(CASES, { senders: 1, floors: ['ws', 'sockets', 'stored'], rounds: ROUNDS });
  const otherwise = 'round trip (one message at a time)';
  return {
    rows: comparisons.flatMap((comparison) => [
      cpuRow('W1', comparison, 'ws', { target: TARGET, otherwise }),
      cpuRow('W1', comparison, 'stored', { target: null, otherwise, suffix: '; a floor that stores it first' }),
      cpuRow('W1', comparison, 'sockets', { target: null, otherwise, suffix: '; a floor past ws' }),
    ]),
    method: {
      ...describeComparison(ROUNDS),
      ours: 'the real server: the message is sent by socket, committed to SQLite (WAL, synchronous=FULL), delivered to all',
      floor:
        'a ws server that turns each message into one frame of the same bytes, made once, and has ws send it to every ' +
        'client in a loop; nothing is stored',
      floorThatStores:
        'the same, after a thread has stored the message: one row, one commit, SQLite (WAL, synchronous=FULL)',
      floorPastWs: 'the first, writing the frame to every socket itself',
    },
    notes: comparisons.flatMap(describeRounds),
    raw: comparisons,
  };
}
