import { availableParallelism } from 'node:os';
import { type CpuTime, cpuTimeBetween, readCpuTime, readFamilyCpuTime, readMachineBusyTime } from './cpu.ts';
import { median } from './statistics.ts';

/** Who takes part in a measurement, by process id. */
export interface Participants {
  readonly server: number;
  readonly generator: number;
  /** What the server works with, such as a database or a second node: by name, each with the processes it has started. */
  readonly partners?: Readonly<Record<string, number>>;
}

export interface PartnerUsage {
  /** CPU time of all its processes and threads, in microseconds. */
  readonly cpu: number;
  /** Share of a core of its busiest thread. */
  readonly busiestShare: number;
}

/** How busy everything was during one measurement. Shares are of one core: 1 is a core that never idled. */
export interface Usage {
  readonly seconds: number;
  /** CPU time of the measured process. */
  readonly cpu: CpuTime;
  readonly serverMainShare: number;
  readonly serverBusiestOtherShare: number;
  /** The load generator's own thread, which is all that it works with. */
  readonly generatorShare: number;
  readonly partners: Readonly<Record<string, PartnerUsage>>;
  /** Cores that processes outside the measurement used: other people's load, the kernel, the bench itself. */
  readonly othersShare: number;
}

/** Runs `work` and says how busy the server, the load generator and the rest of the machine were meanwhile. */
export async function observe<T>(pids: Participants, work: () => Promise<T>): Promise<{ result: T; usage: Usage }> {
  const named = Object.entries(pids.partners ?? {});
  const before = { server: readCpuTime(pids.server), generator: readCpuTime(pids.generator) };
  const partnersBefore = named.map(([, pid]) => readFamilyCpuTime(pid));
  const machineBefore = readMachineBusyTime();
  const startedAt = performance.now();
  const result = await work();
  const micros = (performance.now() - startedAt) * 1_000;
  const cpu = cpuTimeBetween(pids.server, before.server, readCpuTime(pids.server));
  const generator = cpuTimeBetween(pids.generator, before.generator, readCpuTime(pids.generator));
  const partners = named.map(([name, pid], index): [string, PartnerUsage] => {
    const { total, most } = growthOf(partnersBefore[index] as Map<number, number>, readFamilyCpuTime(pid));
    return [name, { cpu: total, busiestShare: most / micros }];
  });
  const ours = partners.reduce((sum, [, { cpu: used }]) => sum + used, cpu.total + generator.total);
  const machine = readMachineBusyTime() - machineBefore;
  return {
    result,
    usage: {
      seconds: micros / 1e6,
      cpu,
      serverMainShare: cpu.main / micros,
      serverBusiestOtherShare: cpu.busiestOther / micros,
      generatorShare: generator.main / micros,
      partners: Object.fromEntries(partners),
      othersShare: Math.max(0, machine - ours) / micros,
    },
  };
}

function growthOf(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>) {
  const grown = [...after].map(([thread, time]) => time - (before.get(thread) ?? 0));
  return { total: grown.reduce((sum, used) => sum + used, 0), most: Math.max(0, ...grown) };
}

const DISTURBANCE = 0.5;

/** Whether other processes used so much of the machine that the measurement says more about them. */
export function isDisturbed({ othersShare }: Usage): boolean {
  return othersShare > DISTURBANCE;
}

const SATURATED = 0.9;

/** What stopped a run from going faster; `otherwise` names it where nothing was saturated. */
export function bottleneck(usage: Usage, otherwise: string): string {
  const candidates = [
    { name: 'server cpu (event loop)', share: usage.serverMainShare },
    { name: 'server cpu (storage thread)', share: usage.serverBusiestOtherShare },
    { name: 'generator', share: usage.generatorShare },
    ...Object.entries(usage.partners).map(([name, { busiestShare }]) => ({
      name: `${name} cpu (one process)`,
      share: busiestShare,
    })),
  ];
  const busiest = candidates.reduce((most, candidate) => (candidate.share > most.share ? candidate : most));
  if (busiest.share >= SATURATED) return busiest.name;
  const byPartners = Object.values(usage.partners).reduce((sum, { cpu }) => sum + cpu, 0);
  const byServer = (usage.cpu.total + byPartners) / (usage.seconds * 1e6);
  const busy = byServer + usage.generatorShare + usage.othersShare;
  if (busy >= SATURATED * availableParallelism()) return 'machine cpu (all cores busy)';
  return otherwise;
}

/** How busy everybody was, the median of some measurements of the same, as a sentence. */
export function describeShares(usages: readonly Usage[]): string {
  const share = (of: (usage: Usage) => number) => `${Math.round(median(usages.map(of)) * 100)} %`;
  const partners = Object.keys(usages[0]?.partners ?? {}).map(
    (name) => `${name} ${share(({ partners: all, seconds }) => (all[name]?.cpu ?? 0) / (seconds * 1e6))}, `,
  );
  return (
    `event loop ${share((usage) => usage.serverMainShare)} of a core, ` +
    `busiest other thread ${share((usage) => usage.serverBusiestOtherShare)}, ${partners.join('')}` +
    `generator ${share((usage) => usage.generatorShare)}, ` +
    `everything else on the machine ${share((usage) => usage.othersShare)}`
  );
}
