import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Test files that find something missing at the same time wait for one of them to install it. */
export const APT_LOCK = join(tmpdir(), 'parley-apt.lock');

/** Runs `apt-get`, one at a time among all tests, and waits for whoever else is installing on this machine. */
export async function aptGet(...args: string[]): Promise<void> {
  await promisify(execFile)('flock', [APT_LOCK, 'apt-get', '--option', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 * 1024,
  });
}
