import type { Logger } from '../telemetry/logger.ts';
import { refusalIn } from './refusal.ts';

const COMPLAIN_EVERY_MS = 60_000;

/** What one user of Redis has to complain of, in the log once a minute at most, however often it happens. */
export class Complaints {
  readonly #logger: Pick<Logger, 'warn'>;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(logger: Pick<Logger, 'warn'>) {
    this.#logger = logger;
  }

  say(sentence: string): void {
    const now = performance.now();
    if (now - this.#saidAt < COMPLAIN_EVERY_MS) return;
    this.#saidAt = now;
    this.#logger.warn(sentence);
  }

  /** Tells of a command that Redis refused. One that was not heard says nothing: the connection tells. */
  refused(what: string, error: unknown): void {
    const refusal = refusalIn(error);
    if (refusal !== null) this.say(`${what}: ${refusal}`);
  }
}
