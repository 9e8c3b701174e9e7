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
  const comparisons = await compareFanOut(CASES, { senders: 1, coalesce: false, rounds: ROUNDS });
  return {
    rows: comparisons.map((comparison) =>
      cpuRow('W1', comparison, { target: TARGET, otherwise: 'round trip (one message at a time)' }),
    ),
    method: {
      ...describeComparison(ROUNDS),
      ours: 'the real server: the message is sent by socket, committed to SQLite (WAL, synchronous=FULL), delivered to all',
      floor:
        'a ws server that turns each message into one frame of the same bytes and writes it to every socket in a loop',
    },
    notes: comparisons.flatMap(describeRounds),
    raw: comparisons,
  };
}
