import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../tools/bench/src/report/row.ts';
import { renderTable } from '../tools/bench/src/report/table.ts';
import { renderArithmetic, renderCosts } from './scaling-figures.ts';

const PROJECT = join(import.meta.dirname, '..');
const RESULTS = join(PROJECT, 'tools/bench/results');
const SCENARIOS = ['W1', 'W2', 'W4', 'W5', 'W6', 'W9', 'W10'];

interface Circumstances {
  readonly date: string;
  readonly revision: string;
  readonly node: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
}

/** What `npm run bench -- … --save` has kept of a scenario. */
interface Results {
  readonly scenario: string;
  readonly circumstances: Circumstances;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

/** The pages that figures are printed into, and what they should hold; what stands outside the marks is left alone. */
export function benchPages(): readonly { readonly path: string; readonly text: string }[] {
  const results = SCENARIOS.flatMap(readResults);
  const rows = results.flatMap((result) => result.rows);
  return [
    fill('docs/benchmarks.md', {
      circumstances: renderCircumstances(results),
      figures: renderTable(rows),
      notes: renderNotes(results),
    }),
    fill('docs/scaling.md', { costs: renderCosts(rows), arithmetic: renderArithmetic(rows) }),
  ];
}

function readResults(scenario: string): Results[] {
  const path = join(RESULTS, `${scenario.toLowerCase()}.json`);
  return existsSync(path) ? [JSON.parse(readFileSync(path, 'utf8'))] : [];
}

/** Puts each block between its marks, `<!-- bench:name -->` and `<!-- bench:end -->`. */
function fill(page: string, blocks: Readonly<Record<string, string>>): { path: string; text: string } {
  const path = join(PROJECT, page);
  let text = readFileSync(path, 'utf8');
  for (const [name, block] of Object.entries(blocks)) {
    const begin = `<!-- bench:${name} -->\n`;
    const from = text.indexOf(begin) + begin.length;
    const to = text.indexOf('<!-- bench:end -->', from);
    if (from < begin.length || to === -1) throw new Error(`${page} has no place for ${name}.`);
    text = `${text.slice(0, from)}\n${block}\n\n${text.slice(to)}`;
  }
  return { path, text };
}

/** A line for each set of circumstances, with the scenarios that were measured under them. */
function renderCircumstances(results: readonly Results[]): string {
  const groups = Map.groupBy(results, ({ circumstances }) => describe(circumstances));
  return [...groups]
    .map(([where, group]) => `${group.map(({ scenario }) => scenario).join(', ')}: ${where}.`)
    .join('\n\n');
}

function describe({ date, revision, node, kernel, cpu, cores, memoryGigabytes }: Circumstances): string {
  return (
    `${date.slice(0, 10)}, revision ${revision}, ${cores} cores (${cpu}), ${memoryGigabytes} GB, ${kernel}, ` +
    `Node ${node.replace(/^v/, '')}`
  );
}

function renderNotes(results: readonly Results[]): string {
  return results.flatMap(({ scenario, notes }) => notes.map((note) => `- ${scenario}, ${note}`)).join('\n');
}

if (import.meta.main) {
  for (const { path, text } of benchPages()) writeFileSync(path, text);
}
