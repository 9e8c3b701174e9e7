import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

/** What a reader needs to know to judge a figure, beside the method. */
export interface Circumstances {
  readonly date: string;
  readonly revision: string;
  readonly node: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
}

export function readCircumstances(): Circumstances {
  return {
    date: new Date().toISOString(),
    revision: readRevision(),
    node: process.version,
    kernel: `${process.platform} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 1e9),
  };
}

function readRevision(): string {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).trim();
  try {
    const changed = git('status', '--porcelain', '--', '../../../../packages') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? ', with changes' : '');
  } catch {
    return 'not a git checkout';
  }
}
