// The messages of a batch stand close together in time.
let last = { millis: Number.NaN, text: '' };

/** ISO 8601 of a stored time. */
export function timestamp(millis: number): string {
  if (last.millis !== millis) last = { millis, text: new Date(millis).toISOString() };
  return last.text;
}
