import type { Schema } from '../schema.ts';

/** A row's values, in the order of its table's columns. */
export type Row = readonly (string | number | null)[];

export interface Table {
  readonly name: keyof Schema;
  /** The columns that name a row: rows are copied and compared in their order, which both engines agree on. */
  readonly key: readonly string[];
  readonly columns: readonly Column[];
  /** How many rows the source has. */
  readonly rows: number;
}

interface Column {
  readonly name: string;
  /** As declared, which both engines understand: `text`, `bigint`, `integer`. */
  readonly type: string;
}

type Keys = { readonly [Name in keyof Schema]: readonly (keyof Schema[Name] & string)[] };

/** Every table, none before one that it refers to. */
export const KEYS: Keys = {
  facts: ['name'],
  users: ['id'],
  sessions: ['id'],
  refresh_tokens: ['hash'],
  streams: ['id'],
  channels: ['id'],
  memberships: ['channel_id', 'user_id'],
  entries: ['stream_id', 'seq'],
  messages: ['channel_id', 'seq'],
};

/** The values of a row's key. */
export function keyOf(table: Table, row: Row): Row {
  return table.key.map((name) => row[table.columns.findIndex((column) => column.name === name)] ?? null);
}

/** Names as both engines read them, with commas between them. */
export function listed(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
