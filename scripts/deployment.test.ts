import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, matchesGlob, relative } from 'node:path';
import { DCLinter } from 'dclint';
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../packages/server/src/config/config.ts';
import { describedVariables } from '../packages/server/src/config/variables.ts';
import { readServices, variablesIn } from './compose-files.ts';
import { COMPOSE_VARIABLES } from './compose-variables.ts';

const PROJECT = join(import.meta.dirname, '..');
const COMPOSE_FILES = ['compose.yaml', 'compose.scale.yaml', 'deploy/app.yaml'];
const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');
const dockerfile = read('Dockerfile');

/** What the linter's own types fail to say. */
interface LintResult {
  readonly filePath: string;
  readonly messages: readonly unknown[];
}

/** The instructions of the Dockerfile, continued lines joined. */
const instructions = dockerfile
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line !== '');

describe('the image', () => {
  test('has a Dockerfile in which a linter finds nothing', () => {
    expect(validate(dockerfile)).toEqual([]);
  });

  test('is copied from what is there, and what .dockerignore lets through', () => {
    const sources = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((source) => !existsSync(join(PROJECT, source)))).toEqual([]);
    const allowed = read('.dockerignore').match(/(?<=^!).+/gm) ?? [];
    const isAllowed = (source: string) => allowed.some((path) => source === path || source.startsWith(`${path}/`));
    expect(sources.filter((source) => !isAllowed(source))).toEqual([]);
    expect(allowed.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
  });

  test('is given the manifest of every workspace on which one that it installs stands', () => {
    for (const [stage, workspace] of [
      ['web', 'web'],
      ['dependencies', 'server'],
    ] as const) {
      const text = dockerfile.slice(dockerfile.indexOf(` AS ${stage}\n`));
      const beforeInstall = text.slice(0, text.indexOf('npm ci'));
      expect(text).toMatch(new RegExp(`npm ci .*--workspace packages/${workspace}\n`));
      for (const name of [workspace, ...workspacesBelow(workspace)]) {
        expect(beforeInstall).toContain(`COPY packages/${name}/package.json packages/${name}/`);
      }
    }
  });

  test('runs on the Node that the tests run on, as nobody special, and is stopped and asked by what is in it', () => {
    const { major } = /FROM \$\{NODE_IMAGE\}|NODE_IMAGE=node:(?<major>\d+)-/.exec(dockerfile)?.groups ?? {};
    expect(major).toBe(process.versions.node.split('.')[0]);
    expect(instructions).toContain('USER 1000:1000');
    expect(instructions).toContain('STOPSIGNAL SIGTERM');
    expect(instructions).toContain('VOLUME /data');
    expect(instructions).toContain(`ARG VERSION=${JSON.parse(read('package.json')).version}`);
    for (const name of ['HEALTHCHECK', 'ENTRYPOINT']) {
      const [, command = ''] = new RegExp(`^${name} .*?(\\[.*\\])$`).exec(lineOf(name)) ?? [];
      const [node, script] = JSON.parse(command) as string[];
      expect(node).toBe('node');
      expect(existsSync(join(PROJECT, (script as string).replace(/^\/app\//, '')))).toBe(true);
    }
  });

  test('holds no tests, which no other file needs', () => {
    const left = read('.dockerignore').match(/^\*\*.+/gm) ?? [];
    const files = globSync('packages/{protocol,server,client}/**/*.{ts,js}', {
      cwd: PROJECT,
      exclude: (path) => path.endsWith('node_modules'),
    });
    const isLeftOut = (path: string) =>
      left.some((pattern) => matchesGlob(path, pattern) || matchesGlob(path, `${pattern}/**`));
    for (const path of files.filter((file) => !isLeftOut(file))) {
      const imports = [...read(path).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, target]) => target as string);
      for (const target of imports)
        expect(isLeftOut(join(path, '..', target)), `${path} imports ${target}`).toBe(false);
    }
  });
});

describe('the Compose files', () => {
  test('keep to the schema of Compose, and a linter finds nothing that is wrong', () => {
    const style = [
      ...['service-keys-order', 'services-alphabetical-order', 'service-dependencies-alphabetical-order'],
      ...['require-quotes-in-ports', 'service-ports-alphabetical-order', 'require-project-name-field'],
      // It does not understand an address that is a variable.
      'no-unbound-port-interfaces',
    ];
    const linter = new DCLinter({
      ...{ quiet: true, debug: false, exclude: [] },
      rules: Object.fromEntries(style.map((rule) => [rule, 0] as const)),
    });
    const results: readonly LintResult[] = linter.lintFiles(
      COMPOSE_FILES.map((path) => join(PROJECT, path)),
      false,
    );
    expect(results.map(({ filePath }) => relative(PROJECT, filePath))).toEqual(COMPOSE_FILES);
    for (const { filePath, messages } of results) expect(messages, filePath).toEqual([]);
  });

  test('ask for variables that .env.example lists, and all that are for Compose alone are used', () => {
    const asked = COMPOSE_FILES.flatMap((path) => variablesIn(read(path)));
    const listed: readonly string[] = read('.env.example').match(/(?<=^# )\w+(?==)/gm) ?? [];
    expect([...new Set(asked)].filter((name) => !listed.includes(name))).toEqual([]);
    expect(COMPOSE_VARIABLES.map(({ name }) => name).filter((name) => !asked.includes(name))).toEqual([]);
  });

  const GIVEN_IN_CONTAINERS = [
    'HOST',
    'PARLEY_WEB_DIST',
    'PARLEY_DATA_DIR',
    'PARLEY_LOG_DIR',
    'PARLEY_SQLITE_SYNCHRONOUS',
  ];

  test.each(['compose.yaml', 'compose.scale.yaml'])(
    '%s passes every setting of Parley on, but those that a container fixes, and no other variable',
    (path) => {
      const all = Object.fromEntries(describedVariables.map(([name]) => [name, `<${name}>`]));
      const services = readServices(join(PROJECT, path), all);
      const nodes = Object.entries(services).filter(([name]) => name.startsWith('app'));
      const passed = { ...services.app?.environment, ...services.secrets?.environment };
      for (const [name] of describedVariables) {
        if (GIVEN_IN_CONTAINERS.includes(name)) continue;
        const isPort = name === 'PORT';
        const published = [...(services.app?.ports ?? []), ...(services.proxy?.ports ?? [])].join();
        expect(isPort ? published : passed[name], name).toContain(`<${name}>`);
      }
      const known = describedVariables.flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name]));
      for (const [, { environment = {} }] of nodes) {
        expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
      }
    },
  );

  test.each(['compose.yaml', 'compose.scale.yaml'])('%s: each part starts when what it needs is well', (path) => {
    const services = readServices(join(PROJECT, path));
    for (const [name, { depends_on = {}, healthcheck, restart }] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(services, name).toHaveProperty(other);
        expect(condition).toBe(other === 'secrets' ? 'service_completed_successfully' : 'service_healthy');
      }
      if (name === 'secrets') continue;
      expect(healthcheck?.test[0], name).toBe('CMD');
      expect(restart, name).toBe('unless-stopped');
    }
  });

  test.each(['compose.yaml', 'compose.scale.yaml'])('%s: volumes and files that are mounted are there', (path) => {
    const { volumes = {} } = parse(read(path));
    const mounted = Object.values(readServices(join(PROJECT, path))).flatMap((service) => service.volumes ?? []);
    const sources = mounted.map((text) => text.split(':')[0] as string);
    expect(sources.filter((name) => !name.startsWith('.') && !(name in volumes))).toEqual([]);
    const files = sources.filter((name) => name.startsWith('.'));
    expect(files.filter((name) => !statSync(join(PROJECT, name), { throwIfNoEntry: false })?.isFile())).toEqual([]);
  });

  test('nodes can write nothing but /data and /tmp, gain no rights, and have the time to finish', () => {
    for (const path of ['compose.yaml', 'compose.scale.yaml']) {
      for (const [name, node] of Object.entries(readServices(join(PROJECT, path)))) {
        if (!name.startsWith('app')) continue;
        expect(node).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
        expect(node.volumes?.filter((volume) => !volume.endsWith(':ro'))).toEqual([expect.stringMatching(/:\/data$/)]);
        expect(Number.parseInt(node.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(15);
      }
    }
  });

  test('two nodes share no folder, and stand behind one proxy that they believe', () => {
    const services = readServices(join(PROJECT, 'compose.scale.yaml'));
    const nodes = Object.entries(services).filter(([name]) => name.startsWith('app'));
    expect(new Set(nodes.map(([, { volumes = [] }]) => volumes.find((text) => text.endsWith(':/data')))).size).toBe(2);
    for (const [name, { environment, ports }] of nodes) {
      expect(String(environment?.TRUST_PROXY)).toBe('1');
      expect(ports).toBeUndefined();
      expect(services.proxy?.environment?.NODES).toMatch(new RegExp(`\\b${name}:8000\\b`));
      expect(read('deploy/Caddyfile')).toMatch(new RegExp(`\\b${name}:8000\\b`));
    }
  });

  test('no password or key stands in a file', () => {
    for (const path of [...COMPOSE_FILES, 'Dockerfile', 'railway.json', '.env.example']) {
      expect(read(path), path).not.toMatch(/(?:PASSWORD|SECRET|TOKEN): ?["']?[\w-]{4,}/);
    }
  });
});

describe('deploy/make-secrets.sh', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'parley-secrets-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const secretsIn = (place: string) => (name: string) => readFileSync(join(place, name), 'utf8').trim();
  const make = (place: string, env: Record<string, string> = {}) =>
    spawnSync('sh', [join(PROJECT, 'deploy/make-secrets.sh'), place], {
      env: { PATH: process.env.PATH, ...env },
      encoding: 'utf8',
    });

  test('makes secrets that Parley takes, once, and no two alike', () => {
    const place = join(folder, 'generated');
    const secret = secretsIn(place);
    expect(make(place)).toMatchObject({ status: 0, stderr: '' });
    const names = ['postgres-password', 'parley-secret', 'metrics-token', 'pgadmin-password'];
    const made = names.map(secret);
    expect(new Set(made).size).toBe(4);
    for (const [index, name] of names.entries()) {
      expect(made[index]).toMatch(/^[0-9a-f]{64}$/);
      expect(statSync(join(place, name)).mode & 0o777).toBe(0o400);
    }
    expect(secret('database-url')).toBe(`postgres://parley:${made[0]}@postgres:5432/parley`);
    const config = readConfig({
      DATABASE_URL_FILE: join(place, 'database-url'),
      PARLEY_SECRET_FILE: join(place, 'parley-secret'),
      PARLEY_METRICS_TOKEN_FILE: join(place, 'metrics-token'),
    });
    expect(config.auth.secret).toBe(made[1]);
    expect(make(place).status).toBe(0);
    expect(names.map(secret)).toEqual(made);
  });

  test('takes what the environment gives, also later', () => {
    const place = join(folder, 'given');
    const secret = secretsIn(place);
    expect(make(place).status).toBe(0);
    const generated = secret('postgres-password');
    expect(make(place, { PARLEY_SECRET: 'mine', DATABASE_URL: 'postgres://me@there/chat' }).status).toBe(0);
    expect(secret('parley-secret')).toBe('mine');
    expect(secret('database-url')).toBe('postgres://me@there/chat');
    expect(secret('postgres-password')).toBe(generated);
    expect(make(place, { POSTGRES_PASSWORD: 'hunter22' }).status).toBe(0);
    expect(secret('database-url')).toBe('postgres://parley:hunter22@postgres:5432/parley');
    const refused = make(place, { POSTGRES_PASSWORD: 'hunter/22' });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('POSTGRES_PASSWORD');
    expect(refused.stderr).not.toContain('hunter');
    expect(secret('postgres-password')).toBe('hunter22');
  });
});

test('railway.json builds the image, asks /readyz, and gives a node the time to finish', () => {
  const { build, deploy } = JSON.parse(read('railway.json'));
  expect(build).toEqual({ builder: 'DOCKERFILE', dockerfilePath: 'Dockerfile' });
  expect(deploy).toMatchObject({ healthcheckPath: '/readyz', restartPolicyType: 'ON_FAILURE' });
  expect(deploy.drainingSeconds).toBeGreaterThanOrEqual(10);
});

test('the workflow of CI waits for its engines and runs .ci/run on push and pull request', () => {
  // Real containers can only be started there.
  const { on, jobs } = parse(read('.github/workflows/ci.yml'));
  expect(Object.keys(on)).toEqual(['push', 'pull_request']);
  const { services, env, steps } = jobs.check;
  for (const name of ['postgres', 'redis']) expect(services[name].options).toContain('--health-cmd');
  expect(env.DATABASE_URL).toBe(
    `postgres://${services.postgres.env.POSTGRES_USER}:${services.postgres.env.POSTGRES_PASSWORD}@localhost:5432/parley`,
  );
  expect(steps.at(-1)).toEqual({ run: '.ci/run' });
  const started = jobs.containers.steps.map(({ run }: { run?: string }) => run).join('\n');
  for (const command of ['docker compose up', '--file compose.scale.yaml up']) expect(started).toContain(command);
});

function lineOf(instruction: string): string {
  return instructions.findLast((line) => line.startsWith(`${instruction} `)) ?? '';
}

/** The folders of our own packages on which one stands, directly or not. */
function workspacesBelow(folder: string): string[] {
  const { dependencies } = JSON.parse(read(`packages/${folder}/package.json`)) as { dependencies: object };
  const below = Object.keys(dependencies).flatMap((name) => /^@parley\/(.+)/.exec(name)?.[1] ?? []);
  return below.flatMap((name) => [name, ...workspacesBelow(name)]);
}
