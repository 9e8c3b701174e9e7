import type { Row } from './row.ts';

/** Everything a scenario has to say. */
export interface Outcome {
  readonly rows: readonly Row[];
  /** How it was measured, one fact each. */
  readonly method: Readonly<Record<string, string | number>>;
  /** Observations that belong beside the table: how busy the generator was, what a reader should know. */
  readonly notes: readonly string[];
  /** Every round as it was measured. */
  readonly raw: unknown;
}
