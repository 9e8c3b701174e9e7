import type { Outgoing } from '@parley/client';
import type { Message } from '@parley/protocol';
import { expect, test } from 'vitest';
import { buildRows, countNewer, GROUP_WITHIN_MS, type Row } from './rows.ts';
import { dayLabel } from './times.ts';

const ME = 'me';
const START = new Date(2026, 4, 12, 9, 0).getTime();
const at = (milliseconds: number) => new Date(START + milliseconds).toISOString();

function message(seq: number, authorId: string, after: number): Message {
  const createdAt = at(after);
  return { id: `m${seq}`, channelId: 'c', seq, ordinal: seq, authorId, body: `body ${seq}`, createdAt, rev: 1 };
}

function outgoing(id: string, after: number): Outgoing {
  return { id, channelId: 'c', body: 'on its way', createdAt: at(after), status: { kind: 'sending' } };
}

const nothing = { messages: [], complete: false, outbox: [], me: ME, unreadAfter: null };
const shape = (rows: Row[]) =>
  rows.map((row) => (row.kind === 'message' ? `${row.startsGroup ? 'first' : 'next'} ${row.key}` : row.kind));

test('messages of one author within five minutes share a heading', () => {
  const messages = [
    message(1, 'ana', 0),
    message(2, 'ana', GROUP_WITHIN_MS),
    message(3, 'ana', 2 * GROUP_WITHIN_MS + 1),
    message(4, 'bo', 2 * GROUP_WITHIN_MS + 2),
  ];
  expect(shape(buildRows({ ...nothing, messages }))).toEqual(['first m1', 'next m2', 'first m3', 'first m4']);
});

test('each day begins with its date, and with a heading; the first one once it is known where it begins', () => {
  const midnight = new Date(2026, 4, 13).getTime() - START;
  const messages = [message(1, 'ana', midnight - 1), message(2, 'ana', midnight)];
  expect(shape(buildRows({ ...nothing, messages }))).toEqual(['first m1', 'day', 'first m2']);
  const all = buildRows({ ...nothing, messages, complete: true });
  expect(shape(all)).toEqual(['beginning', 'day', 'first m1', 'day', 'first m2']);
});

test('the beginning is shown once nothing is older', () => {
  expect(shape(buildRows({ ...nothing, complete: true }))).toEqual(['beginning']);
});

test('the line before the unread ones stands before the first unread message of somebody else', () => {
  const messages = [message(1, 'ana', 0), message(2, ME, 1), message(3, 'ana', 2), message(4, 'ana', 3)];
  const rows = buildRows({ ...nothing, messages, unreadAfter: 1 });
  expect(shape(rows)).toEqual(['first m1', 'first m2', 'unread', 'first m3', 'next m4']);
});

test('a message keeps its row, under the same key, when it is acknowledged', () => {
  const sent = outgoing('m2', 1);
  const before = buildRows({ ...nothing, messages: [message(1, ME, 0)], outbox: [sent] });
  const both = buildRows({ ...nothing, messages: [message(1, ME, 0), message(2, ME, 1)], outbox: [sent] });
  expect(shape(before)).toEqual(['first m1', 'next m2']);
  expect(shape(both)).toEqual(shape(before));
});

test('only messages of others after the place are newer', () => {
  const messages = [message(1, 'ana', 0), message(2, 'ana', 1), message(3, ME, 2), message(5, 'bo', 3)];
  expect(countNewer(messages, 1, ME)).toBe(2);
  expect(countNewer(messages, 5, ME)).toBe(0);
});

test('days close by have names', () => {
  expect(dayLabel(at(0), START)).toBe('Today');
  expect(dayLabel(at(-86_400_000), START)).toBe('Yesterday');
  expect(dayLabel(at(-400 * 86_400_000), START)).toContain('2025');
});
