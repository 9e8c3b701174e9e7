import { type FailureDetails, fail, type Schema } from '@parley/protocol';

const MOST_ERRORS = 20;
const LONGEST_KEY = 64;

/**
 * The value as the schema reads it. The errors of a refusal name each field by its path, `members.3`, in words that
 * never repeat a value.
 * @throws Failure `validation_failed`
 */
export function validate<Output>(schema: Schema<Output>, value: unknown): Output {
  const result = schema.safeParse(value, { error: inOurWords });
  if (result.success) return result.data;
  throw fail('validation_failed', { errors: firstOfEachPath(result.error.issues.flatMap(errorsOf)) });
}

type FieldError = NonNullable<FailureDetails['errors']>[number];
type Issue = Extract<ReturnType<Schema['safeParse']>, { success: false }>['error']['issues'][number];
type ErrorMap = NonNullable<NonNullable<Parameters<Schema['safeParse']>[1]>['error']>;

function firstOfEachPath(errors: readonly FieldError[]): FieldError[] {
  const byPath = new Map<string, FieldError>();
  for (const error of errors) if (!byPath.has(error.path)) byPath.set(error.path, error);
  return [...byPath.values()].slice(0, MOST_ERRORS);
}

function errorsOf(issue: Issue): FieldError[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: pathOf(issue.path), message: issue.message }];
  return issue.keys
    .slice(0, MOST_ERRORS)
    .map((key) => ({ path: pathOf([...issue.path, key]), message: 'is not known here' }));
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.map((part) => String(part).slice(0, LONGEST_KEY).toWellFormed()).join('.');
}

/** What is wrong, where the schema does not say it itself. */
const inOurWords: ErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `needs ${NOUNS[issue.expected] ?? issue.expected}`;
    case 'invalid_format':
      return `needs ${NOUNS[issue.format] ?? issue.format}`;
    case 'invalid_value':
      return `needs ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small':
      return `needs ${bound('at least', issue.minimum, issue.origin)}`;
    case 'too_big':
      return `needs ${bound('at most', issue.maximum, issue.origin)}`;
    default:
      return 'is not as it should be';
  }
};

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  uuid: 'an id',
};

function bound(side: 'at least' | 'at most', limit: number | bigint, origin: string): string {
  if (origin === 'string') return `${side} ${limit} characters`;
  if (origin === 'array') return `${side} ${limit} of them`;
  return `to be ${side} ${limit}`;
}
