/** Host and database of a PostgreSQL's URL, as people may see them. */
export function addressOf(url: string): string {
  const { host, pathname, searchParams } = new URL(url);
  return `${host || searchParams.get('host') || 'localhost'}${pathname}`;
}

/** The same URL with stars in the place of passwords. */
export function hidePasswords(url: string): string {
  const hidden = new URL(url);
  if (hidden.password !== '') hidden.password = '***';
  for (const name of hidden.searchParams.keys()) if (/pass/i.test(name)) hidden.searchParams.set(name, '***');
  return hidden.href;
}
