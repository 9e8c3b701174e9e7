import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';

/** What the tests look at in a service. */
export interface Service {
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly image?: string;
  readonly build?: string;
  readonly entrypoint?: readonly string[];
  readonly extends?: { readonly file: string; readonly service: string };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly restart?: string;
  readonly stop_grace_period?: string;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

/** The services of a Compose file as Compose runs them: variables filled in, and what they extend merged. */
export function readServices(path: string, env: Readonly<Record<string, string>> = {}): Record<string, Service> {
  const { services } = parse(filledIn(readFileSync(path, 'utf8'), env)) as ComposeFile;
  return Object.fromEntries(Object.entries(services).map(([name, service]) => [name, extended(path, service, env)]));
}

function extended(path: string, service: Service, env: Readonly<Record<string, string>>): Service {
  const { extends: base, ...own } = service;
  if (!base) return service;
  const inherited = readServices(join(dirname(path), base.file), env)[base.service];
  if (!inherited) throw new Error(`${path} extends a service ${base.service}, which ${base.file} does not have.`);
  const volumes = new Map([...(inherited.volumes ?? []), ...(own.volumes ?? [])].map((text) => [targetOf(text), text]));
  return {
    ...inherited,
    ...own,
    ...(volumes.size > 0 ? { volumes: [...volumes.values()] } : {}),
    ...(inherited.environment || own.environment
      ? { environment: { ...inherited.environment, ...own.environment } }
      : {}),
  };
}

function targetOf(volume: string): string {
  return volume.split(':')[1] ?? volume;
}

const VARIABLE = /\$\{(\w+)(?:(:?[-?])([^}]*))?\}/g;

/** The variables that a text asks for. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(VARIABLE)].map(([, name]) => name as string);
}

function filledIn(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (_, name: string, operator = '', rest = '') => {
    const value = env[name];
    const isMissing = operator.startsWith(':') ? !value : value === undefined;
    if (isMissing && operator.endsWith('?')) throw new Error(`${name}: ${rest}`);
    return isMissing ? rest : (value ?? '');
  });
}
