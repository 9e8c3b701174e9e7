import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../domain/clock.ts';
import { Complaints } from '../redis/complaints.ts';
import type { RedisDeployment } from '../redis/redis-deployment.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Admission, Limit, Throttle } from './throttle.ts';

interface RedisThrottleOptions {
  /** Counts for this node alone while Redis is out of reach. */
  readonly local: Throttle;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Keeps the keys of several installations apart. */
  readonly prefix: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** A Lua expression for the time as `{ seconds, microseconds }`; Redis' own unless a test sets one. */
  readonly time?: string;
}

/** A key is kept a little longer than it counts, so that no rounding of its expiry makes it forget too early. */
const KEPT_LONGER_MS = 10_000;

/**
 * The admissions of a key, by the microsecond. Answers 0 when it admits, else the milliseconds to wait. Admissions that
 * lie in the future were made before the clock was set back: they count from now, so nobody waits longer than a window.
 */
const admitScript = (time: string) => `
local time = ${time}
local now = time[1] * 1000000 + time[2]
local key, count, window, id = KEYS[1], tonumber(ARGV[1]), ARGV[2] * 1000, ARGV[3]
local function text(number) return string.format('%.0f', number) end

redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - window))
for _, future in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. text(now), '+inf')) do
  redis.call('ZADD', key, text(now), future)
end

local admitted = redis.call('ZCARD', key)
if admitted >= count then
  local place = admitted - count
  local oldestThatCounts = redis.call('ZRANGE', key, place, place, 'WITHSCORES')[2]
  return math.ceil((oldestThatCounts + window - now) / 1000)
end
redis.call('ZADD', key, text(now), id)
redis.call('PEXPIRE', key, ARGV[2] + ${KEPT_LONGER_MS})
return 0
`;

/**
 * The throttle of all nodes together, by Redis' clock. What it admits is counted by the node itself as well, so that a
 * node that has to go on alone, or comes back from it, admits no more than the limit either.
 */
export class RedisThrottle implements Throttle {
  readonly #redis: Pick<RedisDeployment, 'commandsFor'>;
  readonly #local: Throttle;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #prefix: string;
  readonly #complaints: Complaints;
  readonly #script: string;
  readonly #scriptHash: string;
  /** When this node last decided by itself. */
  #aloneAt = Number.NEGATIVE_INFINITY;

  constructor(redis: Pick<RedisDeployment, 'commandsFor'>, options: RedisThrottleOptions) {
    this.#redis = redis;
    this.#local = options.local;
    this.#clock = options.clock;
    this.#prefix = options.prefix;
    this.#complaints = new Complaints(options.logger);
    this.#script = admitScript(options.time ?? "redis.call('TIME')");
    this.#scriptHash = createHash('sha1').update(this.#script).digest('hex');
  }

  async admit(key: string, limit: Limit): Promise<Admission> {
    const shared = await this.#admitShared(`${this.#prefix}{${key}}`, limit);
    if (!shared) {
      this.#aloneAt = this.#clock.monotonic();
      return this.#local.admit(key, limit);
    }
    if (!shared.admitted) return shared;
    const own = await this.#local.admit(key, limit);
    if (!own.admitted) {
      // What was admitted alone is unknown to Redis. Otherwise the two clocks only differ by a hair.
      if (this.#clock.monotonic() >= this.#aloneAt + limit.windowMs) return shared;
      shared.release();
      return own;
    }
    return {
      admitted: true,
      release() {
        shared.release();
        own.release();
      },
    };
  }

  /** Null where Redis did not decide. */
  async #admitShared(key: string, { count, windowMs }: Limit): Promise<Admission | null> {
    const connection = this.#redis.commandsFor(key);
    if (!connection?.isUp()) return null;
    const id = randomUUID();
    const release = () => this.#release(key, id);
    try {
      const wait = await connection.ask(
        (client) => this.#runScript(client, key, [String(count), String(windowMs), id]),
        // Nobody waited for it: the call was decided without Redis, and counted there.
        (lateWait) => lateWait === 0 && release(),
      );
      return wait === 0 ? { admitted: true, release } : { admitted: false, retryAfterMs: Math.max(1, wait) };
    } catch (error) {
      this.#complaints.refused('Redis refuses to count, so this node counts limits by itself meanwhile', error);
      return null;
    }
  }

  async #runScript(client: Redis, key: string, args: readonly string[]): Promise<number> {
    try {
      return (await client.evalsha(this.#scriptHash, 1, key, ...args)) as number;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return (await client.eval(this.#script, 1, key, ...args)) as number;
    }
  }

  /** What cannot be given back comes free by itself when its window ends. */
  #release(key: string, id: string): void {
    this.#redis
      .commandsFor(key)
      ?.ask((client) => client.zrem(key, id))
      .catch(() => undefined);
  }
}
