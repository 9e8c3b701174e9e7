/** One figure of a run. */
export interface Row {
  readonly scenario: string;
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  readonly ours: number;
  /** What the cheapest program that does the same job used in the same run; null where there is no such program. */
  readonly floor: number | null;
  /** `ours / floor` round by round, the median; null without a floor. */
  readonly ratio: number | null;
  /** Bounds `ratio`, or `ours` where there is no floor; null where the figure is for information alone. */
  readonly target: number | null;
  readonly better: 'lower' | 'higher';
  /** What stopped the run from going faster. */
  readonly limitedBy: string;
}

/** Whether the figure is as good as its target; null where it has none. */
export function meetsTarget(row: Row): boolean | null {
  if (row.target === null) return null;
  const value = row.ratio ?? row.ours;
  return row.better === 'lower' ? value <= row.target : value >= row.target;
}
