import type { Entry } from '@parley/protocol';
import type { ChainableCommander } from 'ioredis';
import type { RedisDeployment } from '../redis/redis-deployment.ts';
import type { HintFault, SealedHint, SignedHints } from '../redis/signed-hints.ts';
import {
  type AppendableTail,
  completeRun,
  isRemembered,
  type RecentTail,
  TAIL_LENGTH,
  type TailRange,
} from './recent-tail.ts';

interface RedisTailOptions {
  readonly hints: Pick<SignedHints, 'check'>;
  /** What the node itself has seen go by is asked first. */
  readonly near: AppendableTail;
  /** The database's: several installations can share one Redis. */
  readonly epoch: string;
  /** Something that was remembered was ignored. */
  readonly onRefused?: (fault: HintFault) => void;
}

const KEPT_MS = 24 * 60 * 60 * 1_000;
/** What a range takes at the most if each entry stands alone and many stand twice; more is none of our doing. */
const MOST_MESSAGES = 2 * TAIL_LENGTH;

/**
 * Remembers a message by the seq of its last entry, in whatever order messages come, and forgets what lies too far
 * below: what came late is forgotten with the next one.
 */
const KEEP = `
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ${TAIL_LENGTH})
redis.call('PEXPIRE', KEYS[1], ${KEPT_MS})`;

/**
 * The tail of all nodes together: for each stream a sorted set of the very messages that the bus publishes, signed as
 * they are. What nobody of ours has signed is not there for us, so whoever can write to Redis can make this forget, and
 * never make it say something.
 */
export class RedisTail implements RecentTail {
  readonly #redis: Pick<RedisDeployment, 'commandsFor'>;
  readonly #hints: Pick<SignedHints, 'check'>;
  readonly #near: AppendableTail;
  readonly #prefix: string;
  readonly #onRefused: (fault: HintFault) => void;

  constructor(
    redis: Pick<RedisDeployment, 'commandsFor'>,
    { hints, near, epoch, onRefused = () => {} }: RedisTailOptions,
  ) {
    this.#redis = redis;
    this.#hints = hints;
    this.#near = near;
    this.#prefix = `parley:${epoch}:tail:`;
    this.#onRefused = onRefused;
  }

  /** Adds to a pipeline what has a message remembered. */
  keep(pipeline: ChainableCommander, { text, last }: SealedHint): void {
    if (isRemembered(last)) pipeline.eval(KEEP, 1, this.#keyOf(last.stream), last.seq, text);
  }

  async read(range: TailRange): Promise<readonly Entry[] | null> {
    const { stream, after, to } = range;
    if (to <= after || to - after > TAIL_LENGTH) return null;
    const near = await this.#near.read(range);
    if (near) return near;
    const key = this.#keyOf(stream);
    try {
      const messages = await this.#redis
        .commandsFor(key)
        ?.ask((client) => client.zrangebyscoreBuffer(key, `(${after}`, '+inf', 'LIMIT', 0, MOST_MESSAGES));
      const run = completeRun(range, this.#entriesIn(stream, messages ?? []));
      this.#near.append(run ?? []);
      return run;
    } catch {
      // Why Redis is out of reach is told by the connection; to whoever asks it is the same as knowing nothing.
      return null;
    }
  }

  #keyOf(stream: string): string {
    return `${this.#prefix}{${stream}}`;
  }

  *#entriesIn(stream: string, messages: readonly Buffer[]): Generator<Entry> {
    for (const message of messages) {
      const checked = this.#hints.check(stream, message);
      if (checked.status === 'hints') yield* checked.entries;
      else if (checked.status === 'refused') this.#onRefused(checked.fault);
    }
  }
}
