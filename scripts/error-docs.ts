import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLOSES, ERRORS, type Remedy } from '@parley/protocol';

/** The page that the catalogue of errors is printed into. */
export const ERRORS_PAGE = join(import.meta.dirname, '..', 'docs/errors.md');

const REMEDIES: Readonly<Record<Remedy, string>> = {
  fix: 'Mend the request, or ask the person to. Nothing happened.',
  retry: 'Send the same again, later and later. Whether it happened is unknown; a message id makes repeating safe.',
  wait: 'Nothing happened. Send the same again after `retryAfterMs`.',
  'sign-in': 'Nothing happened. Renew the access token; if that is refused as well, ask the person to sign in.',
  'give-up': 'Nothing happened, and nothing that the client could change would help.',
};

/** What docs/errors.md should hold. */
export function errorsPage(): string {
  return `${[
    '# Errors',
    '',
    'Every refusal has a code of this catalogue, by REST (an `application/problem+json` answer, RFC 9457) and on the',
    'socket (a `fail` frame) alike. Titles are for people and may be bettered; codes, statuses and remedies are part of',
    'the protocol. `spec.md` shows what both look like.',
    '',
    '<!-- Written by `npm run docs:errors` from packages/protocol/src/errors.ts and closes.ts. -->',
    '',
    '## What a client does about it',
    '',
    '| remedy | meaning |',
    '| --- | --- |',
    ...Object.entries(REMEDIES).map(([remedy, meaning]) => `| ${remedy} | ${meaning} |`),
    '',
    '## Codes',
    '',
    '| code | status | remedy | title |',
    '| --- | --- | --- | --- |',
    ...Object.entries(ERRORS).map(
      ([code, { status, remedy, title }]) => `| \`${code}\` | ${status} | ${remedy} | ${title} |`,
    ),
    '',
    '## Close codes of the socket',
    '',
    '| code | name | meaning | what a client does |',
    '| --- | --- | --- | --- |',
    ...Object.entries(CLOSES).map(
      ([code, { name, meaning, then }]) => `| ${code} | \`${name}\` | ${meaning} | ${then} |`,
    ),
  ].join('\n')}\n`;
}

if (import.meta.main) writeFileSync(ERRORS_PAGE, errorsPage());
