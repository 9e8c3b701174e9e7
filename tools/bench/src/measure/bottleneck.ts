import { availableParallelism } from 'node:os';
import { type CpuTime, cpuTimeBetween, readCpuTime, readMachineBusyTime } from './cpu.ts';

/** How busy everything was during one measurement. Shares are of one core: 1 is a core that never idled. */
export interface Usage {
  readonly seconds: number;
  /** CPU time of the measured process. */
  readonly cpu: CpuTime;
  readonly serverMainShare: number;
  readonly serverBusiestOtherShare: number;
  /** The load generator's own thread, which is all that it works with. */
  readonly generatorShare: number;
  /** Cores that processes outside the measurement used: other people's load, the kernel, the bench itself. */
  readonly othersShare: number;
}

/** Runs `work` and says how busy the server, the load generator and the rest of the machine were meanwhile. */
export async function observe<T>(
  pids: { readonly server: number; readonly generator: number },
  work: () => Promise<T>,
): Promise<{ result: T; usage: Usage }> {
  const before = { server: readCpuTime(pids.server), generator: readCpuTime(pids.generator) };
  const machineBefore = readMachineBusyTime();
  const startedAt = performance.now();
  const result = await work();
  const micros = (performance.now() - startedAt) * 1_000;
  const cpu = cpuTimeBetween(pids.server, before.server, readCpuTime(pids.server));
  const generator = cpuTimeBetween(pids.generator, before.generator, readCpuTime(pids.generator));
  const machine = readMachineBusyTime() - machineBefore;
  return {
    result,
    usage: {
      seconds: micros / 1e6,
      cpu,
      serverMainShare: cpu.main / micros,
      serverBusiestOtherShare: cpu.busiestOther / micros,
      generatorShare: generator.main / micros,
      othersShare: Math.max(0, machine - cpu.total - generator.total) / micros,
    },
  };
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
  ];
  const busiest = candidates.reduce((most, candidate) => (candidate.share > most.share ? candidate : most));
  if (busiest.share >= SATURATED) return busiest.name;
  const busy = usage.cpu.total / (usage.seconds * 1e6) + usage.generatorShare + usage.othersShare;
  if (busy >= SATURATED * availableParallelism()) return 'machine cpu (all cores busy)';
  return otherwise;
}
