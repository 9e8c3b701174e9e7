export { createClient } from './client.ts';
export type { LogEntry, UnknownEntry } from './frames.ts';
export { reduce, snapshotFromState, stateFromSnapshot } from './reduce.ts';
export type { Timing } from './timing.ts';
export * from './types.ts';
