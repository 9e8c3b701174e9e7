import { readdirSync, readFileSync } from 'node:fs';

/** CPU time that a process has used, user and system, in microseconds. */
export interface CpuTime {
  readonly total: number;
  /** By the main thread: in Node the one that runs the event loop. */
  readonly main: number;
  /** By the busiest of the other threads. */
  readonly busiestOther: number;
}

/**
 * Reads the scheduler's own account of every living thread, exact to a timer tick. `/proc/<pid>/stat` would count in
 * hundredths of a second, which is 1 % of a round. Linux only.
 */
export function readCpuTime(pid: number): Map<number, number> {
  const threads = new Map<number, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      threads.set(Number(thread), Number(nanoseconds) / 1_000);
    } catch (error) {
      // The thread ended between the listing and the reading.
      if (!isGone(error)) throw error;
    }
  }
  return threads;
}

/** The same of a process and all that descend from it, as the processes of a database do. */
export function readFamilyCpuTime(pid: number): Map<number, number> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = readParent(Number(name));
    if (parent === null) continue;
    const siblings = children.get(parent);
    if (siblings) siblings.push(Number(name));
    else children.set(parent, [Number(name)]);
  }
  const family = [pid];
  // Grows while it is walked: the children of those that were found are looked at, too.
  for (const member of family) family.push(...(children.get(member) ?? []));
  return new Map(family.flatMap((member) => [...readCpuTimeIfAlive(member)]));
}

/** The process that started another one, or null where that has ended. */
export function readParent(pid: number): number | null {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch (error) {
    if (!isGone(error)) throw error;
    return null;
  }
}

function readCpuTimeIfAlive(pid: number): Map<number, number> {
  try {
    return readCpuTime(pid);
  } catch (error) {
    if (!isGone(error)) throw error;
    return new Map();
  }
}

/** What a process used between two readings. */
export function cpuTimeBetween(pid: number, before: Map<number, number>, after: Map<number, number>): CpuTime {
  let total = 0;
  let main = 0;
  let busiestOther = 0;
  for (const [thread, time] of after) {
    const used = time - (before.get(thread) ?? 0);
    total += used;
    if (thread === pid) main = used;
    else busiestOther = Math.max(busiestOther, used);
  }
  return { total, main, busiestOther };
}

/** Microseconds that the machine's cores were busy since it started, all processes together. */
export function readMachineBusyTime(): number {
  const [, ...ticks] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] as string).split(/\s+/);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks.map(Number);
  const MICROSECONDS_PER_TICK = 10_000;
  return (user + nice + system + irq + softirq + steal) * MICROSECONDS_PER_TICK;
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}
