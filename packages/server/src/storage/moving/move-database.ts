import { setImmediate as nextTurn } from 'node:timers/promises';
import { StartError } from '../../domain/start-error.ts';
import { compareParts, partsOf } from './checksums.ts';
import type { Source } from './source.ts';
import type { Row, Table } from './tables.ts';
import { Contradiction, type Target } from './target.ts';

/** Rows that travel together: few enough to be held, many enough to be worth a trip. */
const ROWS_PER_BATCH = 2_000;
const CHARACTERS_PER_BATCH = 1_000_000;
/** Pages of the source while it is compared: short, since they are hashed and forgotten. */
const ROWS_PER_PAGE = 500;

/** Told how far it is. */
export interface Progress {
  /** A stretch of `total` rows begins, of which `done` are behind us. */
  begin(what: string, total: number, done: number): void;
  advance(rows: number): void;
  /** Something that people should know. */
  say(sentence: string): void;
}

export interface Moved {
  readonly tables: readonly Table[];
  /** How many rows of all tables were copied by this run. */
  readonly copied: number;
  /** How many streams have entries, each of which was compared. */
  readonly streams: number;
}

/**
 * Copies every row to the target, compares both sides, and hands the target over. Memory is bounded, whatever the size.
 * What an earlier run has copied is not copied again, unless the comparison finds that the source has changed since.
 * @throws StartError, with everything left so that the same command goes on
 */
export async function moveDatabase(
  source: Source,
  target: Target,
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<Moved> {
  const copyAndCompare = async () => {
    const copied = await copy(source, target, signal, progress);
    return { copied, ...(await compare(source, target, signal, progress)) };
  };
  let outcome = await copyAndCompare().catch((error) => {
    if (error instanceof Contradiction && target.resumes) return { differs: error.message, copied: 0, streams: 0 };
    throw error;
  });
  if (outcome.differs !== null && target.resumes) {
    progress.say('What was copied before is not what the source has now: it is copied again, from the beginning.');
    await target.startOver();
    outcome = await copyAndCompare();
  }
  if (outcome.differs !== null) {
    throw new StartError(
      `The copy is not the same as ${source.path}: ${outcome.differs} differs. It is not handed over; nothing else may ` +
        'write to either database meanwhile. Run the same command again.',
    );
  }
  if (source.hasChanged()) {
    throw new StartError(
      `Something was written to ${source.path} while it was copied. Run the same command again, and nothing beside it.`,
    );
  }
  await target.finish();
  return { tables: source.tables, copied: outcome.copied, streams: outcome.streams };
}

async function copy(source: Source, target: Target, signal: AbortSignal, progress: Progress): Promise<number> {
  const arrived = await Promise.all(source.tables.map((table) => target.arrived(table)));
  const before = arrived.reduce((sum, table) => sum + (table?.rows ?? 0), 0);
  progress.begin('Copying', countRows(source.tables), before);
  let copied = 0;
  for (const [place, table] of source.tables.entries()) {
    let underWay = Promise.resolve();
    for (const batch of batchesOf(source.rows(table, arrived[place]?.key), ROWS_PER_BATCH)) {
      // The next batch is read while PostgreSQL takes this one.
      await underWay;
      signal.throwIfAborted();
      underWay = target.insert(table, batch).then(() => {
        copied += batch.length;
        progress.advance(batch.length);
      });
      underWay.catch(() => {});
    }
    await underWay;
  }
  await target.analyze();
  return copied;
}

async function compare(source: Source, target: Target, signal: AbortSignal, progress: Progress) {
  progress.begin('Comparing', countRows(source.tables), 0);
  let streams = 0;
  for (const table of source.tables) {
    const ours = partsOf(table, inTurns(batchesOf(source.rows(table), ROWS_PER_PAGE)));
    const theirs = partsOf(table, watched(target.pages(table), signal, progress));
    const { differs, same } = await compareParts(ours, theirs);
    if (differs !== null) return { differs: `${table.name} (${differs})`, streams };
    if (table.name === 'entries') streams = same;
  }
  return { differs: null, streams };
}

/** Passes pages on and says how far it is, also within a stream that is long. */
async function* watched(
  pages: AsyncIterable<readonly Row[]>,
  signal: AbortSignal,
  progress: Progress,
): AsyncGenerator<readonly Row[]> {
  for await (const page of pages) {
    signal.throwIfAborted();
    yield page;
    progress.advance(page.length);
  }
}

/** Lets what PostgreSQL and people say in between: a long stream is read in one go otherwise. */
async function* inTurns(pages: Iterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  for (const page of pages) {
    yield page;
    await nextTurn();
  }
}

function* batchesOf(rows: Iterable<Row>, most: number): Generator<Row[]> {
  let batch: Row[] = [];
  let characters = 0;
  for (const row of rows) {
    batch.push(row);
    for (const value of row) if (typeof value === 'string') characters += value.length;
    if (batch.length < most && characters < CHARACTERS_PER_BATCH) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

function countRows(tables: readonly Table[]): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}
