import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiLog } from './api-log.ts';
import { createLogger } from './logger.ts';

const MEGABYTE = 1_024 * 1_024;

let folder: string;
let dir: string;
let now: number;
let processLog: { level: string; msg: string }[];
let dropped: number;
let log: ApiLog;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-api-log-'));
  dir = join(folder, 'logs');
  now = Date.UTC(2026, 9, 2, 7, 0, 0, 0);
  processLog = [];
  dropped = 0;
  log = new ApiLog({
    dir,
    clock: { now: () => now },
    logger: createLogger({ level: 'info', format: 'json' }, { write: (line) => processLog.push(JSON.parse(line)) }),
    onDropped: (lines) => {
      dropped += lines;
    },
  });
});

afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

test('a line has the form that is promised, to the letter', async () => {
  const line = lineOf(new Error()) + 1;
  log.info('WS MESSAGE RECEIVED', 'User username1 sent message (len: 50) to room chat_general.');
  expect(await written()).toBe(
    `2026-10-02 07:00:00,000 [INFO] [api_logger] [api-log.test:${line}] - ` +
      'WS MESSAGE RECEIVED: User username1 sent message (len: 50) to room chat_general.\n',
  );
});

test('warnings say so, and time goes on by the millisecond', async () => {
  now += 7;
  log.warning('THROTTLED', 'User a exceeded message limit in room chat_general.');
  now += 60_993;
  log.warning('THROTTLED', 'User b exceeded message limit in room chat_general.');
  const [first, second] = (await written()).split('\n');
  expect(first).toMatch(
    /^2026-10-02 07:00:00,007 \[WARNING\] \[api_logger\] \[api-log\.test:\d+\] - THROTTLED: User a/,
  );
  expect(second).toMatch(/^2026-10-02 07:01:01,000 \[WARNING\] .*User b/);
});

test('an event keeps the place that it was first logged from', async () => {
  for (const name of ['a', 'b']) log.info('API CALL', name);
  log.info('API CALL', 'c');
  log.info('WS DISCONNECTED', 'd');
  const places = (await written()).match(/\[api-log\.test:\d+\]/g) ?? [];
  expect(places).toHaveLength(4);
  expect(new Set(places.slice(0, 3)).size).toBe(1);
  expect(places[3]).not.toBe(places[0]);
});

test('text of people cannot break a line, colour a screen or turn its direction', async () => {
  log.info(
    'API CALL',
    'GET /a\r\n2026-10-02 07:00:00,000 [INFO] forged\u001b[31m\u0000\u0085\u2028\u202egnol\t| User: ü😀',
  );
  const text = await written();
  expect(text.split('\n')).toHaveLength(2);
  expect(text).toContain(
    'GET /a\\r\\n2026-10-02 07:00:00,000 [INFO] forged\\x1b[31m\\x00\\x85\\u2028\\u202egnol\\t| User: ü😀\n',
  );
});

test('lines reach the file without a close, in the order in which they were logged', async () => {
  for (let number = 0; number < 5; number++) log.info('API CALL', `number ${number}`);
  await vi.waitFor(() => expect(contents().match(/number \d/g)).toEqual([0, 1, 2, 3, 4].map((n) => `number ${n}`)));
});

test('the file is rotated at 5 MB and five old ones are kept, none of their lines lost or torn', async () => {
  const padding = 'x'.repeat(900);
  let count = 0;
  for (let written = 0; written < 33 * MEGABYTE; written += 1_000) {
    log.info('API CALL', `${++count} ${padding}`);
    // As on a server, the disk gets a turn now and then.
    if (count % 2_000 === 0) await vi.waitFor(() => expect(newest()).toBe(count), { timeout: 10_000 });
  }
  await log.close();

  const kept = ['', '.1', '.2', '.3', '.4', '.5'].map((ending) => `api_requests.log${ending}`);
  expect(readdirSync(dir).sort()).toEqual(kept);
  for (const name of kept.slice(1)) {
    expect(statSync(join(dir, name)).size).toBeGreaterThanOrEqual(5 * MEGABYTE);
    expect(statSync(join(dir, name)).size).toBeLessThan(5.2 * MEGABYTE);
  }
  const numbers = kept
    .reverse()
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n'))
    .map((line) => Number(/^2026-.* - API CALL: (\d+) x{900}$/.exec(line)?.[1]));
  expect(numbers).toEqual(Array.from(numbers, (_, index) => count - numbers.length + 1 + index));
  expect(dropped).toBe(0);
});

test('a disk that refuses is said once, holds a bounded number of lines, and gets them when it is back', async () => {
  writeFileSync(dir, 'a file where the folder should be');
  log.info('API CALL', 'before the disk was back');
  await vi.waitFor(() => expect(processLog).toHaveLength(1));

  const line = 'x'.repeat(1_000);
  for (let length = 0; length < 5 * MEGABYTE; length += line.length) log.info('API CALL', line);
  expect(dropped).toBeGreaterThan(0);

  rmSync(dir);
  mkdirSync(dir);
  const said = `${dropped} lines were dropped`;
  await vi.waitFor(() => expect(contents()).toContain(said), { timeout: 10_000 });
  expect(contents()).toContain('API CALL: before the disk was back\n');
  expect(contents()).toMatch(/\[WARNING\] \[api_logger\] \[api-log:\d+\] - API LOG: \d+ lines were dropped/);
  expect(processLog.map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
    'error: api_requests.log cannot be written: trying again.',
    'info: api_requests.log can be written again.',
  ]);
});

test('closing on a disk that refuses ends, and logging after it does nothing', async () => {
  writeFileSync(dir, 'a file where the folder should be');
  log.info('API CALL', 'lost');
  await log.close();
  log.info('API CALL', 'too late');
  await log.close();
  expect(readFileSync(dir, 'utf8')).toBe('a file where the folder should be');
});

async function written(): Promise<string> {
  await log.close();
  return contents();
}

function contents(): string {
  return readFileSync(join(dir, 'api_requests.log'), 'utf8');
}

function newest(): number {
  const current = readdirSync(dir).includes('api_requests.log') ? contents() : '';
  const previous = readdirSync(dir).includes('api_requests.log.1') ? join(dir, 'api_requests.log.1') : null;
  const text = current === '' && previous ? readFileSync(previous, 'utf8') : current;
  return Number(
    text
      .trimEnd()
      .split('\n')
      .at(-1)
      ?.match(/API CALL: (\d+)/)?.[1],
  );
}

function lineOf(error: Error): number {
  return Number(/api-log\.test\.ts:(\d+)/.exec(error.stack ?? '')?.[1]);
}
