import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A disk that a test fills up and clears again. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves no room to the process of this id. */
  fill(pid: number): void;
  clear(pid: number): void;
  remove(): void;
}

const SIZE = '16m';
const CHUNK = Buffer.alloc(64 * 1024);

/** Makes a disk at `folder`: a tmpfs where this user may mount one, and says so where that is not permitted (Linux). */
export function makeSmallDisk(folder: string): SmallDisk {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    console.info('No file system may be mounted here: a bound on the size of files stands for the full disk.');
    return boundOnFiles(folder);
  }
  const ballast = join(folder, 'ballast');
  return {
    folder,
    fill: () => writeUntilFull(ballast),
    clear: () => rmSync(ballast),
    remove: () => execFileSync('umount', ['-l', folder]),
  };
}

function boundOnFiles(folder: string): SmallDisk {
  const bound = (pid: number, bytes: string) =>
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
  return {
    folder,
    fill: (pid) => bound(pid, '1024'),
    clear: (pid) => bound(pid, 'unlimited'),
    remove: () => undefined,
  };
}

function writeUntilFull(path: string): void {
  const file = openSync(path, 'w');
  try {
    // The last bytes, too: what is left of a page would take another message.
    for (let size = CHUNK.length; size >= 1; ) {
      try {
        if (writeSync(file, CHUNK, 0, size) === 0) return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}
