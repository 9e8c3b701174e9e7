import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { configurationFiles } from './config-docs.ts';

test.each(configurationFiles().map((file) => [basename(file.path), file] as const))(
  '%s says what the table of variables says (npm run docs:config writes it)',
  (_name, { path, text }) => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);
