import type { Outcome } from '../report/outcome.ts';
import { compareFanOut, cpuRow, describeComparison, describeRounds, throughputRow } from './fan-out-comparison.ts';

const TARGET = 1.3;
const ROUNDS = 5;
const IN_FLIGHT = 8;
const CASES = [{ members: 1_000, messages: 1_200, inFlight: IN_FLIGHT }];

/** W2: a busy room, where eight people's messages are always under way. */
export async function measureBusyRoom(): Promise<Outcome> {
  const comparisons = await compareFanOut(CASES, { senders: IN_FLIGHT, floors: ['coalesced'], rounds: ROUNDS });
  return {
    rows: comparisons.flatMap((comparison) => [
      cpuRow('W2', comparison, 'coalesced', { target: TARGET, otherwise: 'round trip (8 in flight)' }),
      throughputRow('W2', comparison, 'coalesced', 'round trip (8 in flight)'),
    ]),
    method: {
      ...describeComparison(ROUNDS),
      ours: 'the real server: messages are sent by socket, committed to SQLite (WAL, synchronous=FULL), delivered to all',
      floor:
        'a ws server that joins the frames of one turn of its event loop, once for all, and gives each socket one write of them',
      pacing: `${IN_FLIGHT} writers, each with a socket of its own; a message that everybody has is followed by the next writer's`,
    },
    notes: comparisons.flatMap(describeRounds),
    raw: comparisons,
  };
}
