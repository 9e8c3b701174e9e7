import { meetsTarget, type Row } from './row.ts';

/** The rows as a Markdown table with aligned columns, so that it reads as well in a terminal as in a page. */
export function renderTable(rows: readonly Row[]): string {
  const head = ['', 'case', 'metric', 'ours', 'floor', 'ratio', 'target', 'met', 'limited by'];
  const lines = rows.map((row) => [
    row.scenario,
    row.case,
    `${row.metric} (${row.unit})`,
    shortNumber(row.ours),
    row.floor === null ? '–' : shortNumber(row.floor),
    row.ratio === null ? '–' : shortNumber(row.ratio),
    row.target === null ? '–' : describeTarget(row),
    { true: 'yes', false: '**no**', null: '–' }[String(meetsTarget(row)) as 'true' | 'false' | 'null'],
    row.limitedBy,
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)));
  const renderLine = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`;
  return [renderLine(head), renderLine(widths.map((width) => '-'.repeat(width))), ...lines.map(renderLine)].join('\n');
}

function describeTarget(row: Row): string {
  const sign = row.better === 'lower' ? '≤' : '≥';
  return `${sign} ${row.target}${row.ratio === null ? '' : ' × floor'}`;
}

/** Three significant digits are more than any run on a shared machine can support. */
function shortNumber(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
