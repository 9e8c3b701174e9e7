import type { RawBuilder } from 'kysely';

/** What the engines say differently when tables are made. */
export interface SchemaDialect {
  /** Text that is compared byte by byte, so that order and equality are the same on every machine. */
  readonly text: RawBuilder<unknown>;
  /** What a table that is read as a range of its key is given at its end. */
  readonly clustered: RawBuilder<unknown>;
}
