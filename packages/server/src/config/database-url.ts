import * as z from 'zod';
import { hasBrokenEscapes } from './redis-url.ts';

type Database =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string };

/** Where messages are kept: a file of SQLite or a database of PostgreSQL. No error repeats it: it may hold a password. */
export const DatabaseUrlText = z.string().transform((text, context): Database => {
  const path = /^sqlite:(?!\/\/)(.+)$/.exec(text)?.[1];
  if (path && path !== ':memory:') return { engine: 'sqlite', path };
  const isPostgres = /^postgres(ql)?:/.test(text);
  const message = isPostgres
    ? problemOfPostgresUrl(URL.parse(text))
    : 'use sqlite: and the path of a file, such as sqlite:./data/parley.db, or postgres://user:password@host:5432/database';
  if (message === null) return { engine: 'postgres', url: text };
  context.issues.push({ code: 'custom', input: text, message });
  return z.NEVER;
});

/** What is wrong with it, without repeating it: it may hold a password. */
function problemOfPostgresUrl(url: URL | null): string | null {
  if (!url?.href.startsWith(`${url.protocol}//`)) {
    return 'use postgres://user:password@host:5432/database, with / : @ # ? and % in the password written as %2F %3A %40 %23 %3F and %25';
  }
  if (url.pathname.length < 2)
    return 'name the database after the host, such as postgres://user:password@host:5432/parley';
  return hasBrokenEscapes(url.username + url.password + url.pathname)
    ? 'a % in the password must be written as %25'
    : null;
}
