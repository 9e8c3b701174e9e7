import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { CLOSES, DownFrame, Event, endpoints, UpFrame } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { describedVariables } from '../packages/server/src/config/variables.ts';
import { createMetrics } from '../packages/server/src/telemetry/metrics.ts';
import { ERRORS_PAGE, errorsPage } from './error-docs.ts';

const PROJECT = join(import.meta.dirname, '..');
const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: PROJECT });
const TESTS = globSync('{packages,tools,e2e,examples}/**/*.{test,contract}.{ts,tsx}', {
  cwd: PROJECT,
  exclude: (path) => path.endsWith('node_modules'),
});

const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');
const spec = read('docs/spec.md');

/** The first group of every match. */
function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found]) => found as string);
}

/** The rules that the names of a file's tests begin with: `[D1] [D2] …` or `[D1, D2] …`. */
function quotedIn(path: string): string[] {
  const prefixes = read(path).match(/(?<=['"`])(?:\[[A-Z]\d(?:, [A-Z]\d)*\] )+/g) ?? [];
  return prefixes.flatMap((prefix) => prefix.match(/[A-Z]\d/g) ?? []);
}

describe('docs/spec.md', () => {
  const rules = new Map(
    [...spec.matchAll(/^### ([A-Z]\d): .*\n([\s\S]*?)(?=^##)/gm)].map(([, id = '', text = '']) => [id, text]),
  );

  test('has every rule that a test quotes, and every rule of it is quoted by a test', () => {
    expect([...new Set(TESTS.flatMap(quotedIn))].sort()).toEqual([...rules.keys()].sort());
  });

  test.each([...rules])('names tests that prove %s', (id, text) => {
    const proofs = all(text.slice(text.indexOf('*Proved by*')), /\]\(\.\.\/([^)]+\.(?:test|contract)\.ts)\)/g);
    expect(proofs).not.toEqual([]);
    for (const proof of proofs) expect(quotedIn(proof), proof).toContain(id);
  });

  test('lists every request', () => {
    const declared = Object.values(endpoints).map(({ method, path }) => `${method} ${path}`);
    expect(all(spec, /^\| `([A-Z]+ \/[^`]*)` \|/gm).sort()).toEqual(declared.sort());
  });

  test('tells of every frame, event and close code', () => {
    const types = [UpFrame, DownFrame, Event].flatMap((union) =>
      union.def.options.map(({ shape }) => shape.type.def.values[0] as string),
    );
    for (const type of types) expect(spec, type).toMatch(new RegExp(`["\`]${type}["\` ]`));
    for (const code of Object.keys(CLOSES)) expect(spec).toContain(`\n| ${code} |`);
  });
});

test('docs/errors.md is what the catalogue says (npm run docs:errors writes it)', () => {
  expect(readFileSync(ERRORS_PAGE, 'utf8')).toBe(errorsPage());
});

test('docs/operations.md lists the metrics that there are', async () => {
  const served = all(await createMetrics().render(), /^# TYPE (parley_\w+) /gm);
  expect(all(read('docs/operations.md'), /^\| `(parley_\w+)` \|/gm).sort()).toEqual(served.sort());
});

test('docs/adr/README.md lists every decision', () => {
  const decisions = PAGES.filter((path) => /adr\/\d/.test(path)).map((path) => path.slice('docs/adr/'.length));
  expect(all(read('docs/adr/README.md'), /\]\((\d[^)]+)\)/g)).toEqual(decisions.sort());
});

describe.each(PAGES)('%s', (page) => {
  const text = read(page);

  test('links to what is there', () => {
    const targets = all(text, /\]\(([^)\s]+)\)/g).filter((target) => !/^https?:/.test(target));
    expect(targets.filter((target) => !leadsSomewhere(page, target))).toEqual([]);
  });

  test('names variables and scripts that exist', () => {
    const variables = describedVariables.flatMap(([name]) => [name, `${name}_FILE`]);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(all(text, /\b(PARLEY_[A-Z_]*[A-Z])\b/g).filter((name) => !variables.includes(name))).toEqual([]);
    expect(all(text, /npm run ([\w:]+)/g).filter((name) => !(name in scripts))).toEqual([]);
  });
});

/** Whether a relative link leads to a file or folder, and to a heading of it where it names one. */
function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(PROJECT, file))) return false;
  return (
    anchor === undefined ||
    all(read(file), /^#+ (.+)$/gm)
      .map(anchorOf)
      .includes(anchor)
  );
}

/** The anchor of a heading, as the platforms that show Markdown make it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
