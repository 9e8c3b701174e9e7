import { Failure } from '@parley/protocol';
import { openStore } from '../open-store.ts';
import type { OperationName, Store } from '../store.ts';

/** A process that opens a database as its parent says and runs the operations that its parent sends. */

export interface Ask {
  readonly id: number;
  readonly name: OperationName;
  readonly input: unknown;
}

export type Told =
  | { readonly type: 'opened' }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'done'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly code: string; readonly message: string };

const [sqlitePath = '', mode] = process.argv.slice(2);
const tell = (told: Told) => process.send?.(told);

try {
  const storage = { dataDir: '', sqlitePath, synchronous: 'full', allowWeakDurability: false } as const;
  const store = await openStore({ storage }, { exclusively: mode === 'exclusively' });
  process.on('message', (ask: Ask) => void answer(store, ask));
  tell({ type: 'opened' });
} catch (error) {
  tell({ type: 'refused', reason: error instanceof Error ? error.message : String(error) });
  process.disconnect();
}

async function answer(store: Store, { id, name, input }: Ask): Promise<void> {
  try {
    const operation = store[name] as (input: unknown) => Promise<unknown>;
    tell({ type: 'done', id, value: await operation(input) });
  } catch (error) {
    const code = error instanceof Failure ? error.code : 'fault';
    tell({ type: 'failed', id, code, message: error instanceof Error ? error.message : String(error) });
  }
}
