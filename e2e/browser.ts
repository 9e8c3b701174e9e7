import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { aptGet } from '../packages/server/src/test/apt.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

const isRoot = process.getuid?.() === 0;

/** Starts a headless Chromium that asks nobody but the pages it is given. Close it when done. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await findChromium(),
    args: [
      // The sandbox refuses to work for root.
      ...(isRoot ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** The path of a Chromium: the one that is named, else one on the PATH, else, as root on Debian, a fresh one. */
async function findChromium(): Promise<string> {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (await isExecutable(named)) return named;
    throw new Error(`CHROMIUM_PATH is ${named}, where there is nothing that can be run.`);
  }
  const found = await onPath();
  if (found !== null) return found;
  if (isRoot && existsSync('/etc/debian_version')) {
    await aptGet('update');
    await aptGet('install', '--yes', 'chromium');
    const installed = await onPath();
    if (installed !== null) return installed;
  }
  throw new Error(
    `No Chromium was found. Set CHROMIUM_PATH to one, put ${NAMES.join(', ')} on the PATH, ` +
      'or run as root on Debian, where it is installed by "apt-get install -y chromium".',
  );
}

async function onPath(): Promise<string | null> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of NAMES) {
    for (const folder of folders) {
      const candidate = join(folder, name);
      if (await isExecutable(candidate)) return candidate;
    }
  }
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
