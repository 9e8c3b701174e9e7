import { expect, test } from 'vitest';
import { ProgressBar } from './progress-bar.ts';

/** What was written, and a clock that stands until it is turned. */
function openBar(isTTY: boolean) {
  const written: string[] = [];
  const clock = { millis: 0 };
  const bar = new ProgressBar({ isTTY, write: (text) => written.push(text) }, () => clock.millis);
  return { bar, written, clock };
}

test('a terminal sees one bar that moves, with rows, rate and remaining time', () => {
  const { bar, written, clock } = openBar(true);
  bar.begin('Copying', 400_000, 0);
  clock.millis = 2_000;
  bar.advance(100_000);
  clock.millis = 2_050;
  bar.advance(1);
  expect(written).toEqual([
    '\r\u001b[K░░░░░░░░░░░░░░░░░░░░░░░░ Copying     0 %, 0 of 400,000 rows',
    '\r\u001b[K██████░░░░░░░░░░░░░░░░░░ Copying    25 %, 100,000 of 400,000 rows, 50,000 rows/s, 6 s left',
  ]);
  clock.millis = 8_000;
  bar.advance(299_999);
  bar.end();
  expect(written.slice(-2)).toEqual([
    '\r\u001b[K████████████████████████ Copying   100 %, 400,000 of 400,000 rows, 50,000 rows/s',
    '\n',
  ]);
});

test('anything else gets a plain line every few seconds', () => {
  const { bar, written, clock } = openBar(false);
  bar.begin('Comparing', 1_000_000, 0);
  for (; clock.millis < 10_000; clock.millis += 100) bar.advance(100);
  bar.end();
  expect(written).toHaveLength(5);
  expect(written[1]).toBe('Comparing   0 %, 3,100 of 1,000,000 rows, 1,033 rows/s, 16 min 5 s left\n');
  for (const line of written) expect(line).toMatch(/^Comparing [ -~]*\n$/);
});

test('what earlier runs have done counts as done, but not for the rate', () => {
  const { bar, written, clock } = openBar(false);
  bar.begin('Copying', 20_000_000, 10_000_000);
  clock.millis = 3_000;
  bar.advance(3_000);
  expect(written).toEqual([
    'Copying    50 %, 10,000,000 of 20,000,000 rows\n',
    'Copying    50 %, 10,003,000 of 20,000,000 rows, 1,000 rows/s, 2 h 46 min left\n',
  ]);
});

test('a sentence stands on a line of its own, and an empty task is done', () => {
  const { bar, written } = openBar(true);
  bar.begin('Copying', 0, 0);
  bar.say('Something to know.');
  bar.end();
  expect(written.join('').split('\n')).toEqual([
    expect.stringContaining('100 %, 0 of 0 rows'),
    'Something to know.',
    '',
  ]);
});
