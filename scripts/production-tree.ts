import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, matchesGlob, relative } from 'node:path';

const PROJECT = join(import.meta.dirname, '..');

interface Locked {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Puts into a folder what the image has in /app: the server and the packages that it stands on, and nothing else. A page
 * stands in for the web app, which takes its time to build.
 */
export function copyProductionTree(folder: string): void {
  const left = readFileSync(join(PROJECT, '.dockerignore'), 'utf8').match(/^\*\*.+/gm) ?? [];
  const isWanted = (path: string) => !left.some((pattern) => matchesGlob(relative(PROJECT, path), pattern));
  for (const workspace of ['packages/protocol', 'packages/server']) {
    cpSync(join(PROJECT, workspace), join(folder, workspace), { recursive: true, filter: isWanted });
  }
  const web = join(folder, 'packages/web/dist');
  mkdirSync(web, { recursive: true });
  writeFileSync(join(web, 'index.html'), '<!doctype html><title>In the place of the web app</title>');
  for (const path of installedBelow('packages/server')) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(PROJECT, path), join(folder, path), { recursive: true, verbatimSymlinks: true });
  }
}

/** The folders in node_modules that a workspace needs to run, by the lock file, as far as this machine has them. */
function installedBelow(workspace: string): string[] {
  const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const found = new Set<string>();
  const visit = (path: string) => {
    const { dependencies, optionalDependencies } = packages[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const place = placesOf(path, name).find((candidate) => candidate in packages);
      if (!place || found.has(place) || !existsSync(join(PROJECT, place))) continue;
      found.add(place);
      const { link, resolved } = packages[place] as Locked;
      visit(link && resolved ? resolved : place);
    }
  };
  visit(workspace);
  return [...found];
}

/** Where Node looks for a package that a file in `path` imports: from the inside out. */
function placesOf(path: string, name: string): string[] {
  const places: string[] = [];
  for (let folder = path; folder !== '.'; folder = dirname(folder)) places.push(`${folder}/node_modules/${name}`);
  return [...places, `node_modules/${name}`];
}
