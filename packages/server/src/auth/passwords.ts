import { hash, parseOptions, verify } from '@node-rs/argon2';
import { fail } from '@parley/protocol';

/** Argon2id with the parameters that OWASP recommends: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** More bytes than this are refused unhashed, so that nobody can buy our CPU with a long text. */
const MOST_BYTES = 1_024;

/** The hash of a random text that nobody kept: checked where there is no user, so that both cases cost the same. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$zalllhmrzemxNks65XUhWA$wxAbcD7RuPS5ibnsO92eEfFR7tyhoO3so3GdKnr41m8';

export interface Passwords {
  /** The hash to keep, with its parameters and salt in it. */
  hash(password: string): Promise<string>;
  /** Whether the password is right. A null hash is nobody's: never right, and as slow to find out. */
  verify(hash: string | null, password: string): Promise<boolean>;
  /** Whether the hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean;
}

interface Bounds {
  /** Hashes that are computed at once. Each takes a thread of libuv's pool, 19 MiB and about 30 to 150 ms of CPU. */
  readonly atOnce: number;
  /** How many more may wait. */
  readonly waiting: number;
}

/**
 * Makes and checks password hashes off the main thread, a few at a time. When too many wait, more are refused with
 * `unavailable`: a storm of sign-ins must not starve those who are in.
 */
export function createPasswords({ atOnce, waiting }: Bounds = { atOnce: 2, waiting: 100 }): Passwords {
  const queue: (() => void)[] = [];
  let running = 0;

  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (running < atOnce) {
      running += 1;
    } else if (queue.length < waiting) {
      // Whoever finishes hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else {
      throw fail('unavailable', 'Too many people are signing in at this moment.');
    }
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  }

  return {
    async hash(password) {
      if (isTooLong(password)) {
        throw fail('validation_failed', { errors: [{ path: 'password', message: 'is too long' }] });
      }
      return inTurn(() => hash(password, COST));
    },
    async verify(kept, password) {
      if (isTooLong(password)) return false;
      const isRight = await inTurn(() => verify(kept ?? NOBODY, password));
      return isRight && kept !== null;
    },
    isOutdated(kept) {
      const { memoryCost, timeCost, parallelism } = parseOptions(kept);
      return memoryCost !== COST.memoryCost || timeCost !== COST.timeCost || parallelism !== COST.parallelism;
    },
  };
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > MOST_BYTES;
}
