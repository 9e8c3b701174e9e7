import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describedVariables } from '../packages/server/src/config/variables.ts';
import { COMPOSE_VARIABLES } from './compose-variables.ts';

const PROJECT = join(import.meta.dirname, '..');

/** The files that the table of variables is printed into, and what they should hold. */
export function configurationFiles(): readonly { readonly path: string; readonly text: string }[] {
  return [
    { path: join(PROJECT, '.env.example'), text: envExample() },
    { path: join(PROJECT, 'docs/configuration.md'), text: configurationPage() },
  ];
}

function envExample(): string {
  const lines = ['# Every setting of Parley, with its default. Written by `npm run docs:config`.', ''];
  let section = '';
  for (const [name, variable] of describedVariables) {
    if (variable.section !== section) lines.push(`## ${variable.section}`, '');
    section = variable.section;
    const without = variable.otherwise ? ` Without it: ${variable.otherwise}.` : '';
    const file = variable.secret ? ` Also ${name}_FILE.` : '';
    lines.push(`# ${plain(variable.meaning + without + file)}`);
    lines.push(`# ${name}=${variable.otherwise ? '' : (variable.default ?? '')}`, '');
  }
  lines.push('## Docker Compose', '');
  for (const { name, meaning, otherwise, default: fallback = '' } of COMPOSE_VARIABLES) {
    lines.push(`# ${plain(otherwise ? `${meaning} Without it: ${otherwise}.` : meaning)}`, `# ${name}=${fallback}`, '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function configurationPage(): string {
  const lines = [
    '# Configuration',
    '',
    'Parley needs no configuration. What can be changed is an environment variable; unset and empty ones take the',
    'default. A value that makes no sense stops the start, and all of them are listed at once. Parley also reads a file',
    '`.env` in the folder that it is started from; `.env.example` is one to begin with.',
    '',
    'A variable marked *secret* can be read from a file instead: add `_FILE` to its name and set it to the path of the',
    'file. Durations are a number and `ms`, `s`, `m`, `h` or `d`; limits are a count and a duration, such as `5/10s`.',
    '',
    '<!-- Written by `npm run docs:config` from packages/server/src/config/variables.ts. -->',
  ];
  let section = '';
  for (const [name, variable] of describedVariables) {
    if (variable.section !== section) {
      lines.push('', `## ${variable.section}`, '', '| variable | default | meaning |', '| --- | --- | --- |');
      section = variable.section;
    }
    const without = variable.otherwise ?? `\`${variable.default}\``;
    lines.push(`| \`${name}\`${variable.secret ? ' *secret*' : ''} | ${without} | ${variable.meaning} |`);
  }
  lines.push('', '## Docker Compose', '');
  lines.push(
    'Compose reads the same `.env`. These mean something to it alone; within a container, the address, the folders',
  );
  lines.push('and the engine are given. Secrets that are not set are generated at the first start.', '');
  lines.push('| variable | default | meaning |', '| --- | --- | --- |');
  for (const { name, meaning, otherwise, default: fallback } of COMPOSE_VARIABLES) {
    lines.push(`| \`${name}\` | ${otherwise ?? `\`${fallback}\``} | ${meaning} |`);
  }
  return `${lines.join('\n')}\n`;
}

function plain(text: string): string {
  return text.replaceAll('`', '');
}

if (import.meta.main) {
  for (const { path, text } of configurationFiles()) writeFileSync(path, text);
}
