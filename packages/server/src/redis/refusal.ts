/** What Redis itself said when it refused a command; null where it was not heard, which the connection tells. */
export function refusalIn(error: unknown): string | null {
  return error instanceof Error && error.name === 'ReplyError' ? error.message : null;
}
