/** Why Parley does not start, as a sentence for the person who started it: no stack is needed to mend it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
