import { expect, test } from 'vitest';
import { meetsTarget, type Row } from './row.ts';
import { renderTable } from './table.ts';

const fanOut: Row = {
  scenario: 'W1',
  case: '100 members',
  metric: 'server CPU per delivery',
  unit: 'µs',
  ours: 11.234,
  floor: 9,
  ratio: 1.248,
  target: 1.25,
  better: 'lower',
  limitedBy: 'server cpu',
};

test('a target bounds the ratio where there is a floor, and our own figure where there is none', () => {
  expect(meetsTarget(fanOut)).toBe(true);
  expect(meetsTarget({ ...fanOut, ratio: 1.26 })).toBe(false);
  expect(meetsTarget({ ...fanOut, floor: null, ratio: null })).toBe(false);
  expect(meetsTarget({ ...fanOut, ratio: 0.6, target: 0.5, better: 'higher' })).toBe(true);
  expect(meetsTarget({ ...fanOut, target: null })).toBeNull();
});

test('the table says of each row whether it met its target', () => {
  const table = renderTable([fanOut, { ...fanOut, ours: 12_345.6, floor: null, ratio: null }]);
  expect(table.split('\n')).toHaveLength(4);
  expect(table).toMatch(/11\.2 +\| 9 +\| 1\.25 +\| ≤ 1\.25 × floor \| yes/);
  expect(table).toMatch(/12,346 +\| – +\| – +\| ≤ 1\.25 +\| \*\*no\*\*/);
});
