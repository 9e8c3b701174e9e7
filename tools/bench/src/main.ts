import { parseArgs } from 'node:util';
import type { Outcome } from './report/outcome.ts';
import { saveResults } from './report/results-file.ts';
import { renderTable } from './report/table.ts';
import { measureFanOut } from './scenarios/w1-fan-out.ts';
import { measureBusyRoom } from './scenarios/w2-busy-room.ts';
import { measureIngest } from './scenarios/w4-ingest.ts';
import { measureIdle } from './scenarios/w5-idle.ts';
import { measureReconnectStorm } from './scenarios/w6-reconnect-storm.ts';
import { measureStart } from './scenarios/w9-start.ts';
import { measureTwoNodes } from './scenarios/w10-two-nodes.ts';

const SCENARIOS: Readonly<Record<string, () => Promise<Outcome>>> = {
  W1: measureFanOut,
  W2: measureBusyRoom,
  W4: measureIngest,
  W5: measureIdle,
  W6: measureReconnectStorm,
  W9: measureStart,
  W10: measureTwoNodes,
};

const USAGE = `Usage: npm run bench -- <scenario>... [--json] [--save]

  ${Object.keys(SCENARIOS).join(', ')} or all; docs/benchmarks.md says what each measures.

  --json   one JSON object per line for each figure that has a target, and nothing else on standard output
  --save   also keep the run as tools/bench/results/<scenario>.json
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, save: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
});
const names = positionals.includes('all') ? Object.keys(SCENARIOS) : positionals.map((name) => name.toUpperCase());
const unknown = names.filter((name) => !(name in SCENARIOS));

if (options.help) {
  process.stdout.write(USAGE);
} else if (names.length === 0 || unknown.length > 0) {
  process.stderr.write(unknown.length > 0 ? `There is no scenario ${unknown.join(', ')}.\n\n${USAGE}` : USAGE);
  process.exitCode = 2;
} else if (process.platform !== 'linux') {
  process.stderr.write('The bench reads CPU times from /proc, so it runs on Linux alone.\n');
  process.exitCode = 2;
} else {
  // Leaving through `exit` lets the servers that were started end too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  for (const name of names) await run(name, SCENARIOS[name] as () => Promise<Outcome>);
}

async function run(name: string, measure: () => Promise<Outcome>): Promise<void> {
  const outcome = await measure();
  if (options.json) {
    for (const row of outcome.rows.filter(({ target }) => target !== null)) console.log(JSON.stringify(row));
  } else {
    console.log(`${renderTable(outcome.rows)}\n`);
    for (const note of outcome.notes) console.log(`  ${note}`);
    console.log();
  }
  if (options.save) process.stderr.write(`Kept in ${saveResults(name, outcome)}\n`);
}
