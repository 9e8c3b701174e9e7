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

export interface FanOutComparison extends FanOutCase, Alternation<FanOutRound, FanOutRound> {
  /** CPU microseconds per second with everybody connected and nobody writing. */
  readonly idle: { readonly ours: number; readonly floor: number };
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

/** Runs the cases, smallest first, in one room of ours and one of the floor that grow from case to case. */
export async function compareFanOut(
  cases: readonly FanOutCase[],
  { senders, coalesce, rounds }: { senders: number; coalesce: boolean; rounds: number },
): Promise<FanOutComparison[]> {
  const [smallest] = cases;
  if (!smallest) return [];
  const mostMembers = Math.max(...cases.map(({ members }) => members));
  const ours = await openParleyRoom(senders, mostMembers);
  let floor: Room | null = null;
  try {
    await ours.growTo(smallest.members);
    await ours.fanOut(WARM_UP_MESSAGES, senders);
    floor = await openFloorRoom(senders, await ours.sampleDelivery(), coalesce);
    await floor.growTo(smallest.members);
    await floor.fanOut(WARM_UP_MESSAGES, senders);
    const comparisons: FanOutComparison[] = [];
    for (const one of cases) comparisons.push(await compareOne(one, ours, floor, rounds));
    return comparisons;
  } finally {
    await Promise.all([ours.close(), floor?.close()]);
  }
}

async function compareOne(one: FanOutCase, ours: Room, floor: Room, rounds: number): Promise<FanOutComparison> {
  await ours.growTo(one.members);
  await floor.growTo(one.members);
  const measured = await alternate(rounds, {
    ours: () => ours.fanOut(one.messages, one.inFlight),
    floor: () => floor.fanOut(one.messages, one.inFlight),
    isDisturbed: (...pair) => pair.some(({ usage }) => isDisturbed(usage)),
  });
  return { ...one, ...measured, idle: { ours: await ours.idle(), floor: await floor.idle() } };
}

/** Server CPU per delivery: the figure that other load on the machine disturbs least. */
export function cpuRow(
  scenario: string,
  comparison: FanOutComparison,
  { target, otherwise }: { target: number; otherwise: string },
): Row {
  const ours = comparison.ours.map(({ cpuMicrosPerDelivery }) => cpuMicrosPerDelivery);
  const floor = comparison.floor.map(({ cpuMicrosPerDelivery }) => cpuMicrosPerDelivery);
  return {
    scenario,
    case: describeCase(comparison),
    metric: 'server CPU per delivery',
    unit: 'µs',
    ours: median(ours),
    floor: median(floor),
    ratio: medianOfRatios(ours, floor),
    target,
    better: 'lower',
    limitedBy: limitOf(comparison, otherwise),
  };
}

export function throughputRow(scenario: string, comparison: FanOutComparison, otherwise: string): Row {
  const ours = comparison.ours.map(({ deliveriesPerSecond }) => deliveriesPerSecond);
  const floor = comparison.floor.map(({ deliveriesPerSecond }) => deliveriesPerSecond);
  return {
    scenario,
    case: describeCase(comparison),
    metric: 'deliveries',
    unit: '1/s',
    ours: median(ours),
    floor: median(floor),
    ratio: medianOfRatios(ours, floor),
    target: null,
    better: 'higher',
    limitedBy: limitOf(comparison, otherwise),
  };
}

/** What a reader needs to trust the row: who was busy, how much was saved by coalescing, what idling costs. */
export function describeRounds(comparison: FanOutComparison): string[] {
  const perRead = (rounds: readonly FanOutRound[]) => median(rounds.map((round) => round.deliveriesPerRead)).toFixed(1);
  const describe = (name: 'ours' | 'floor') => {
    const rounds = comparison[name];
    return (
      `${describeCase(comparison)}, ${name}: ${describeShares(rounds.map(({ usage }) => usage))}; ` +
      `${perRead(rounds)} deliveries per read; idle ${(comparison.idle[name] / 1_000).toFixed(1)} ms/s`
    );
  };
  const discarded =
    comparison.discarded > 0 ? [`${describeCase(comparison)}: ${comparison.discarded} disturbed pairs replaced`] : [];
  return [describe('ours'), describe('floor'), ...discarded];
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
