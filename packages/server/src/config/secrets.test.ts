import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StartError } from '../domain/start-error.ts';
import { readConfig } from './config.ts';
import { loadSecrets } from './secrets.ts';

let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-secrets-'));
  dataDir = join(folder, 'nested', 'data');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('the first start makes secrets of 256 random bits that nobody else can read', () => {
  const secrets = loadSecrets(dataDir, readConfig({}));
  expect(secrets.tokenSecret.byteLength).toBe(32);
  expect(Buffer.from(secrets.metricsToken, 'base64url').byteLength).toBe(32);
  expect(Buffer.from(secrets.tokenSecret).toString('base64url')).not.toBe(secrets.metricsToken);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
  expect(readdirSync(dataDir)).toEqual(['secrets.json']);
});

test('later starts find the same secrets, and another folder has others', () => {
  const secrets = loadSecrets(dataDir, readConfig({}));
  expect(loadSecrets(dataDir, readConfig({}))).toEqual(secrets);
  expect(loadSecrets(join(folder, 'other'), readConfig({}))).not.toEqual(secrets);
});

test('configured secrets come before generated ones', () => {
  const config = readConfig({
    PARLEY_SECRET: 'u7Qm2ZkT9vXb4LwEr6YhNp1sJd8GcAf3',
    PARLEY_METRICS_TOKEN: 'a-token-for-the-scraper',
  });
  const secrets = loadSecrets(dataDir, config);
  expect(Buffer.from(secrets.tokenSecret).toString()).toBe('u7Qm2ZkT9vXb4LwEr6YhNp1sJd8GcAf3');
  expect(secrets.metricsToken).toBe('a-token-for-the-scraper');
});

test('a folder that cannot be made stops the start with a sentence that names it and its variable', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const message = failureOf(() => loadSecrets(join(file, 'data'), readConfig({})));
  expect(message).toContain(join(file, 'data'));
  expect(message).toContain('PARLEY_DATA_DIR');
});

test.each(['', '{', '{}', '{"tokenSecret":"c2hvcnQ","metricsToken":"c2hvcnQ"}', '[]'])(
  'a damaged file (%j) is neither used nor replaced',
  (text) => {
    loadSecrets(dataDir, readConfig({}));
    const path = join(dataDir, 'secrets.json');
    writeFileSync(path, text);
    expect(failureOf(() => loadSecrets(dataDir, readConfig({})))).toContain(path);
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);

function failureOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  throw new Error('It did not fail.');
}
