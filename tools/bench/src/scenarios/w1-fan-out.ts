import { BODY_BYTES } from '../load/send-frame.ts';
import { describeAlternation } from '../measure/alternate.ts';
import type { Outcome } from '../report/outcome.ts';
import { SOCKETS_PER_ACCOUNT } from '../subjects/room.ts';
import { compareFanOut, cpuRow, describeRounds, type FanOutCase } from './fan-out-comparison.ts';

const TARGET = 1.25;
const ROUNDS = 5;
const CASES: readonly FanOutCase[] = [
  { members: 100, messages: 600, inFlight: 1 },
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
      measure: 'CPU time of the whole server process, all threads, user and system, per delivery; nothing subtracted',
      ours: 'the real server: the message is sent by socket, committed to SQLite (WAL, synchronous=FULL), delivered to all',
      floor:
        'a ws server that turns each message into one frame of the same bytes and writes it to every socket in a loop',
      alternation: describeAlternation(ROUNDS),
      bodyBytes: BODY_BYTES,
      members: `one socket each; up to ${SOCKETS_PER_ACCOUNT} readers' sockets share an account, the writer has its own`,
    },
    notes: comparisons.flatMap(describeRounds),
    raw: comparisons,
  };
}
