import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@parley/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OperationInput, OperationName } from '../store.ts';
import { connect, type SqliteConnection } from './connection.ts';
import { runGroup } from './group.ts';
import type { Call, Result } from './messages.ts';
import { migrate } from './migrate.ts';

let folder: string;
let connection: SqliteConnection;
let lastId: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-group-'));
  connection = connect(join(folder, 'parley.db'), 'full');
  await migrate(connection);
  lastId = 0;
});
afterEach(() => {
  connection.driver.close();
  rmSync(folder, { recursive: true });
});

function call<Name extends OperationName>(name: Name, input: OperationInput<Name>): Call {
  lastId += 1;
  return { id: lastId, name, input };
}

const register = (username: string, displayName = username) =>
  call('registerUser', { id: newId(), username, displayName, passwordHash: 'h', at: 1 });
const find = (username: string) => call('findCredentials', { username });

/** Each answer by the id of its call: `ok`, the code of a refusal, or `fault`. */
const answers = (results: readonly Result[]) =>
  Object.fromEntries(results.map((result) => [result.id, result.ok ? 'ok' : 'code' in result ? result.code : 'fault']));

/** The seqs of what was appended, in order. */
const seqs = (results: readonly Result[]) =>
  results.flatMap((result) => ('entries' in result ? result.entries.map(({ seq }) => seq) : []));

/** Lets the file grow no more, or as it likes. */
const allowPages = (most: number) => connection.driver.exec(`pragma max_page_count = ${most}`);

test('a group is one transaction: its calls see what came before them, and its entries are told in order', async () => {
  const { results, wrote } = await runGroup(connection, [find('ana'), register('ana'), find('ana'), register('bob')]);
  expect(answers(results)).toEqual({ 1: 'ok', 2: 'ok', 3: 'ok', 4: 'ok' });
  const found = results.map((result) => ('value' in result ? result.value : undefined));
  expect([found[0], found[2]]).toEqual([null, { user: found[1], passwordHash: 'h' }]);
  expect(seqs(results)).toEqual([1, 2]);
  expect([wrote, connection.driver.isTransaction]).toEqual([true, false]);
});

test('a refused call is undone alone', async () => {
  const { results } = await runGroup(connection, [register('ana'), register('Ana'), register('bob')]);
  expect(answers(results)).toEqual({ 1: 'ok', 2: 'username_taken', 3: 'ok' });
  expect(seqs(results)).toEqual([1, 2]);
});

test('a refused call that is the only one to write is undone, and reads around it are answered', async () => {
  await runGroup(connection, [register('ana')]);
  const { results, wrote } = await runGroup(connection, [find('ana'), register('Ana'), find('ana')]);
  expect([answers(results), wrote]).toEqual([{ 2: 'ok', 3: 'username_taken', 4: 'ok' }, true]);
  connection.driver.exec("create trigger no_entries before insert on entries begin select raise(abort, 'no'); end");
  const faulty = await runGroup(connection, [register('bob'), find('bob')]);
  expect(answers(faulty.results)).toEqual({ 5: 'fault', 6: 'ok' });
  expect(faulty.results[1]).toMatchObject({ value: null });
  expect(connection.driver.isTransaction).toBe(false);
});

test('reads alone write nothing', async () => {
  const { results, wrote } = await runGroup(connection, [find('ana'), call('readHeads', { streams: [] })]);
  expect([answers(results), wrote]).toEqual([{ 1: 'ok', 2: 'ok' }, false]);
});

test('[S1] [S3] where the disk is full none of a group’s writes happened, its reads are answered, and it recovers', async () => {
  await runGroup(connection, [register('ana')]);
  const { page_count } = connection.driver.prepare('pragma page_count').get() as { page_count: number };
  allowPages(page_count);
  const large = 'x'.repeat(1_000_000);
  const full = await runGroup(connection, [
    find('ana'),
    register('bob'),
    register('max', large),
    find('bob'),
    register('eve'),
  ]);
  expect(answers(full.results)).toEqual({ 2: 'ok', 3: 'unavailable', 4: 'unavailable', 5: 'ok', 6: 'unavailable' });
  expect(full.results.find(({ id }) => id === 5)).toMatchObject({ value: null });
  expect([seqs(full.results), connection.driver.isTransaction]).toEqual([[], false]);

  allowPages(1_000_000);
  const { results } = await runGroup(connection, [register('bob'), register('eve')]);
  expect(answers(results)).toEqual({ 7: 'ok', 8: 'ok' });
  expect(seqs(results)).toEqual([2, 3]);
});
