/** Rounds of ours and of the floor, in pairs that stood side by side in time. */
export interface Alternation<Ours, Floor> {
  readonly ours: readonly Ours[];
  readonly floor: readonly Floor[];
  /** Pairs that were measured but not kept, because other processes disturbed them. */
  readonly discarded: number;
}

const FEWEST_CALM = 3;

/**
 * Runs the two in turn, ours first, after a discarded warm-up of each, so that both meet the same machine: its clock,
 * its caches, its neighbours. A pair that the neighbours disturbed is replaced, as long as that takes no more than
 * twice the rounds asked for; where fewer than three calm pairs are found, all are kept.
 */
export async function alternate<Ours, Floor>(
  rounds: number,
  {
    ours,
    floor,
    isDisturbed,
  }: {
    ours: () => Promise<Ours>;
    floor: () => Promise<Floor>;
    isDisturbed: (ours: Ours, floor: Floor) => boolean;
  },
): Promise<Alternation<Ours, Floor>> {
  await ours();
  await floor();
  const pairs: { ours: Ours; floor: Floor; calm: boolean }[] = [];
  const calm = () => pairs.filter((pair) => pair.calm);
  while (calm().length < rounds && pairs.length < 2 * rounds) {
    const pair = { ours: await ours(), floor: await floor() };
    pairs.push({ ...pair, calm: !isDisturbed(pair.ours, pair.floor) });
  }
  const kept = calm().length >= FEWEST_CALM ? calm() : pairs;
  return {
    ours: kept.map((pair) => pair.ours),
    floor: kept.map((pair) => pair.floor),
    discarded: pairs.length - kept.length,
  };
}

/** The same as a sentence for the record of a run. */
export function describeAlternation(rounds: number): string {
  return (
    `ours, floor, ours, …: ${rounds} pairs after a discarded one; ratio = median of the pairs' ratios; pairs during which ` +
    'other processes used more than half a core are replaced, at most as many again'
  );
}
