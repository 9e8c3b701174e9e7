import type { FanOutFloor } from '../floors/fan-out-process.ts';
import { BODY_BYTES } from '../load/send-frame.ts';
import { type Alternation, alternate, describeAlternation } from '../measure/alternate.ts';
import { bottleneck, describeShares, isDisturbed } from '../measure/bottleneck.ts';
import { median, medianOfRatios } from '../measure/statistics.ts';
import type { Row } from '../report/row.ts';
import { type FanOutRound, openFloorRoom, openParleyRoom, type Room, SOCKETS_PER_ACCOUNT } from '../subjects/room.ts';

export interface FanOutCase {
  readonly members: number;
  /** In each round. */
  readonly messages: number;
  readonly inFlight: number;
}

/** A round of each floor, one after the other. */
type FloorRounds = Readonly<Partial<Record<FanOutFloor, FanOutRound>>>;

export interface FanOutComparison extends FanOutCase, Alternation<FanOutRound, FloorRounds> {
  /** CPU microseconds per second with everybody connected and nobody writing. */
  readonly idle: Readonly<Record<string, number>>;
}

// A server lives for days: what is measured is the code as V8 has optimised it, on both sides.
const WARM_UP_MESSAGES = 3_000;

/** What both fan-out scenarios have in common, for the record of a run. */
export function describeComparison(rounds: number) {
  return {
    measure: 'CPU time of the whole server process, all threads, user and system, per delivery; nothing subtracted',
    warmUp: `${WARM_UP_MESSAGES} messages in the smallest room, on both sides`,
    alternation: describeAlternation(rounds),
    bodyBytes: BODY_BYTES,
    members: `one socket each; up to ${SOCKETS_PER_ACCOUNT} readers' sockets share an account, a writer has their own`,
    generator:
      'counts frames by their headers, parses all that 1 member in 97 and the writers get; looks for data every 0.5 ms',
  };
}

/** Runs the cases, smallest first, in one room of ours and one of each floor that grow from case to case. */
export async function compareFanOut(
  cases: readonly FanOutCase[],
  { senders, floors, rounds }: { senders: number; floors: readonly FanOutFloor[]; rounds: number },
): Promise<FanOutComparison[]> {
  const [smallest] = cases;
  if (!smallest) return [];
  const mostMembers = Math.max(...cases.map(({ members }) => members));
  const ours = await openParleyRoom(senders, mostMembers);
  const floorRooms = new Map<FanOutFloor, Room>();
  const warmUp = async (room: Room) => {
    await room.growTo(smallest.members);
    await room.fanOut(WARM_UP_MESSAGES, senders);
  };
  try {
    await warmUp(ours);
    for (const floor of floors) {
      const room = await openFloorRoom(senders, await ours.sampleDelivery(), floor);
      floorRooms.set(floor, room);
      await warmUp(room);
    }
    const comparisons: FanOutComparison[] = [];
    for (const one of cases) comparisons.push(await compareOne(one, ours, floorRooms, rounds));
    return comparisons;
  } finally {
    await Promise.all([ours, ...floorRooms.values()].map((room) => room.close()));
  }
}

async function compareOne(
  one: FanOutCase,
  ours: Room,
  floorRooms: ReadonlyMap<FanOutFloor, Room>,
  rounds: number,
): Promise<FanOutComparison> {
  for (const room of [ours, ...floorRooms.values()]) await room.growTo(one.members);
  const measured = await alternate(rounds, {
    ours: () => ours.fanOut(one.messages, one.inFlight),
    async floor() {
      const each: Partial<Record<FanOutFloor, FanOutRound>> = {};
      for (const [floor, room] of floorRooms) each[floor] = await room.fanOut(one.messages, one.inFlight);
      return each;
    },
    isDisturbed: (round, each) => [round, ...Object.values(each)].some(({ usage }) => isDisturbed(usage)),
  });
  const idle: Record<string, number> = { ours: await ours.idle() };
  for (const [floor, room] of floorRooms) idle[floor] = await room.idle();
  return { ...one, ...measured, idle };
}

/** Server CPU per delivery: the figure that other load on the machine disturbs least. */
export function cpuRow(
  scenario: string,
  comparison: FanOutComparison,
  floor: FanOutFloor,
  { target, otherwise, suffix = '' }: { target: number | null; otherwise: string; suffix?: string },
): Row {
  const ours = comparison.ours.map(({ cpuMicrosPerDelivery }) => cpuMicrosPerDelivery);
  const theirs = roundsOf(comparison, floor).map(({ cpuMicrosPerDelivery }) => cpuMicrosPerDelivery);
  return {
    scenario,
    case: `${describeCase(comparison)}${suffix}`,
    metric: 'server CPU per delivery',
    unit: 'µs',
    ours: median(ours),
    floor: median(theirs),
    ratio: medianOfRatios(ours, theirs),
    target,
    better: 'lower',
    limitedBy: limitOf(comparison, otherwise),
  };
}

export function throughputRow(
  scenario: string,
  comparison: FanOutComparison,
  floor: FanOutFloor,
  otherwise: string,
): Row {
  const ours = comparison.ours.map(({ deliveriesPerSecond }) => deliveriesPerSecond);
  const theirs = roundsOf(comparison, floor).map(({ deliveriesPerSecond }) => deliveriesPerSecond);
  return {
    scenario,
    case: describeCase(comparison),
    metric: 'deliveries',
    unit: '1/s',
    ours: median(ours),
    floor: median(theirs),
    ratio: medianOfRatios(ours, theirs),
    target: null,
    better: 'higher',
    limitedBy: limitOf(comparison, otherwise),
  };
}

/** What a reader needs to trust the row: who was busy, how much was saved by coalescing, what idling costs. */
export function describeRounds(comparison: FanOutComparison): string[] {
  const perRead = (rounds: readonly FanOutRound[]) => median(rounds.map((round) => round.deliveriesPerRead)).toFixed(1);
  const describe = (name: string, rounds: readonly FanOutRound[]) =>
    `${describeCase(comparison)}, ${name}: ${describeShares(rounds.map(({ usage }) => usage))}; ` +
    `${perRead(rounds)} deliveries per read; idle ${((comparison.idle[name] ?? 0) / 1_000).toFixed(1)} ms/s`;
  const floors = Object.keys(comparison.floor[0] ?? {}) as FanOutFloor[];
  const discarded =
    comparison.discarded > 0 ? [`${describeCase(comparison)}: ${comparison.discarded} disturbed rounds replaced`] : [];
  return [
    describe('ours', comparison.ours),
    ...floors.map((floor) => describe(floor, roundsOf(comparison, floor))),
    ...discarded,
  ];
}

function roundsOf({ floor: rounds }: FanOutComparison, floor: FanOutFloor): readonly FanOutRound[] {
  return rounds.flatMap(({ [floor]: round }) => (round ? [round] : []));
}

function describeCase({ members, inFlight }: FanOutCase): string {
  return `${members.toLocaleString('en')} members, ${inFlight === 1 ? 'one message at a time' : `${inFlight} in flight`}`;
}

function limitOf({ ours }: FanOutComparison, otherwise: string): string {
  const limits = ours.map(({ usage }) => bottleneck(usage, otherwise));
  return limits.toSorted((a, b) => count(limits, b) - count(limits, a))[0] as string;
}

function count(values: readonly string[], value: string): number {
  return values.filter((other) => other === value).length;
}
