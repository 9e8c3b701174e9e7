import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { benchPages } from './bench-docs.ts';

test.each(benchPages().map((page) => [basename(page.path), page] as const))(
  '%s has the figures that the committed results have (npm run docs:bench writes them)',
  (_name, { path, text }) => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);
