/** Runs tasks that share a key one after the other, in the order in which they came, and all others at the same time. */
export class Lanes {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<Result>(keys: readonly string[], task: () => Promise<Result>): Promise<Result> {
    const before = keys.flatMap((key) => this.#tails.get(key) ?? []);
    const result = Promise.all(before).then(task);
    const end = result
      .catch(() => {})
      .then(() => {
        for (const key of keys) if (this.#tails.get(key) === end) this.#tails.delete(key);
      });
    for (const key of keys) this.#tails.set(key, end);
    return result;
  }
}
