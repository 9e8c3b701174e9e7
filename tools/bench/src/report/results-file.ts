import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCircumstances } from '../measure/machine.ts';
import type { Outcome } from './outcome.ts';

const RESULTS_FOLDER = join(import.meta.dirname, '../../results');

/** Keeps a run beside the code: its rows, how it was done, on what, and every round as it was measured. */
export function saveResults(scenario: string, outcome: Outcome): string {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const path = join(RESULTS_FOLDER, `${scenario.toLowerCase()}.json`);
  const content = { scenario, circumstances: readCircumstances(), ...outcome };
  writeFileSync(path, `${JSON.stringify(content, roundNumbers, 2)}\n`);
  return path;
}

function roundNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
