import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { bottleneck, observe, type Usage } from './bottleneck.ts';

const idle: Usage = {
  seconds: 1,
  cpu: { total: 0, main: 0, busiestOther: 0 },
  serverMainShare: 0,
  serverBusiestOtherShare: 0,
  generatorShare: 0,
  partners: {},
  othersShare: 0,
};

test('the busiest part is named where it had no time left, the given reason where all had some', () => {
  expect(bottleneck(idle, 'the pace')).toBe('the pace');
  expect(bottleneck({ ...idle, serverMainShare: 0.97, generatorShare: 0.93 }, '')).toBe('server cpu (event loop)');
  expect(bottleneck({ ...idle, serverMainShare: 0.4, generatorShare: 0.93 }, '')).toBe('generator');
  const partners = { PostgreSQL: { cpu: 950_000, busiestShare: 0.95 } };
  expect(bottleneck({ ...idle, serverMainShare: 0.9, partners }, '')).toBe('PostgreSQL cpu (one process)');
  expect(bottleneck({ ...idle, othersShare: 1_000 }, '')).toBe('machine cpu (all cores busy)');
});

test.runIf(process.platform === 'linux')('the CPU time of a process is what it spent, not what passed', async () => {
  const pids = { server: process.pid, generator: process.pid };
  const { usage: busy } = await observe(pids, async () => {
    const until = performance.now() + 50;
    while (performance.now() < until);
  });
  const { usage: waiting } = await observe(pids, () => new Promise((resolve) => setTimeout(resolve, 50)));
  expect(busy.cpu.total).toBeGreaterThan(waiting.cpu.total);
  expect(busy.seconds).toBeGreaterThan(0.045);
});

test.runIf(process.platform === 'linux')('a partner counts with the processes that it has started', async () => {
  const partner = spawn('sh', ['-c', "sh -c 'while :; do :; done' & wait"], { detached: true, stdio: 'ignore' });
  const pid = partner.pid as number;
  try {
    const pids = { server: process.pid, generator: process.pid, partners: { database: pid } };
    await expect
      .poll(async () => {
        const { usage } = await observe(pids, () => new Promise((resolve) => setTimeout(resolve, 50)));
        return usage.partners.database?.cpu;
      })
      .toBeGreaterThan(1_000);
  } finally {
    process.kill(-pid, 'SIGKILL');
  }
});
