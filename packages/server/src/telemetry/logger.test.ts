import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

const CANARY = 'canary-3f9c';

test('lines are JSON objects with a level by name, a time and the fields given', () => {
  const [line] = linesOf('json', (logger) => logger.info({ requestId: 'r-1' }, 'Hello.'));
  expect(JSON.parse(line ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    requestId: 'r-1',
    msg: 'Hello.',
  });
});

test('errors come with their stack and their cause', () => {
  const error = new Error('The commit failed.', { cause: new Error('disk full') });
  const [line] = linesOf('json', (logger) => logger.error({ err: error }, 'A request failed.'));
  const { err } = JSON.parse(line ?? '');
  expect(err.stack).toContain('logger.test.ts');
  expect(err.stack).toContain('disk full');
});

test.each(['json', 'pretty'] as const)('no token, password or cookie is written, at any depth (%s)', (format) => {
  const secrets = { password: CANARY, accessToken: CANARY, refreshToken: CANARY, token: CANARY, authorization: CANARY };
  const headers = { Authorization: CANARY, cookie: CANARY, 'set-cookie': [CANARY], 'sec-websocket-protocol': CANARY };
  const lines = linesOf(format, (logger) => {
    logger.info({ ...secrets, ...headers }, 'At the top.');
    logger.info({ body: secrets, headers }, 'One down.');
    logger.info({ request: { body: secrets, headers } }, 'Two down.');
    logger.info({ context: { request: { body: secrets, headers } } }, 'Three down.');
    logger.child({ request: { headers } }).info('In a child.');
  });
  expect(lines.join('')).not.toContain(CANARY);
  expect(lines.join('')).toContain('[redacted]');
});

test('what is below the level is not written', () => {
  expect(linesOf('json', (logger) => logger.debug('Detail.'))).toEqual([]);
});

test('text with line breaks stays one JSON line', () => {
  const lines = linesOf('json', (logger) => logger.info({ username: 'a\nb\u001b[31m' }, 'c\r\nd'));
  expect(lines).toHaveLength(1);
  expect(lines[0]?.trimEnd()).not.toMatch(/\p{Cc}/u);
});

test('the pretty form is for people', () => {
  const [line] = linesOf('pretty', (logger) => logger.warn({ dir: './logs' }, 'The disk is full.'));
  expect(line).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: The disk is full\.\n {4}dir: "\.\/logs"\n$/);
});

function linesOf(format: 'json' | 'pretty', write: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  write(createLogger({ level: 'info', format }, { write: (line) => lines.push(line) }));
  return lines;
}
