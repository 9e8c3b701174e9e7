import type { Entry, ErrorCode, FailureDetails } from '@parley/protocol';
import type { CommitReport, OperationName } from '../store.ts';
import type { Synchronous } from './connection.ts';
import type { PackedOutcomes } from './packed-outcomes.ts';

/** What the server's thread and the database's thread say to each other. */

export interface WorkerSettings {
  readonly path: string;
  readonly synchronous: Synchronous;
}

export interface Call {
  readonly id: number;
  readonly name: OperationName;
  readonly input: unknown;
}

export type Result =
  /** With the entries that the call appended, in order. */
  | { readonly id: number; readonly ok: true; readonly value: unknown; readonly entries: readonly Entry[] }
  | { readonly id: number; readonly ok: true; readonly posted: PackedOutcomes }
  | { readonly id: number; readonly ok: false; readonly code: ErrorCode; readonly details: FailureDetails }
  /** Not a refusal but a fault of ours: it keeps its stack. */
  | { readonly id: number; readonly ok: false; readonly fault: unknown };

export type FromWorker =
  | { readonly type: 'ready'; readonly epoch: string; readonly warnings: readonly string[] }
  | { readonly type: 'cannot-open'; readonly reason: string }
  | {
      readonly type: 'done';
      readonly results: readonly Result[];
      readonly report: CommitReport | null;
    };

export type ToWorker = { readonly type: 'calls'; readonly calls: readonly Call[] } | { readonly type: 'close' };
