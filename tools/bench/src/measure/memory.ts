import { readFileSync } from 'node:fs';

/** Resident memory of a process, in megabytes of 1,000,000 bytes. Linux only. */
export function readResidentMegabytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`Process ${pid} has no resident memory: it has ended.`);
  return (Number(kibibytes) * 1_024) / 1e6;
}
