import type { Bus } from './bus/bus.ts';
import { MemoryBus } from './bus/memory-bus.ts';
import { RedisBus, type RedisBusOptions } from './bus/redis-bus.ts';
import { RedisClusterBus } from './bus/redis-cluster-bus.ts';
import type { Clock } from './domain/clock.ts';
import { readRedisAddress } from './domain/redis-address.ts';
import { MemoryPresence } from './presence/memory-presence.ts';
import type { Presence } from './presence/presence.ts';
import { RedisPresence } from './presence/redis-presence.ts';
import type { RedisCluster } from './redis/redis-cluster.ts';
import type { RedisDeployment } from './redis/redis-deployment.ts';
import type { RedisLink } from './redis/redis-link.ts';
import { SignedHints } from './redis/signed-hints.ts';
import type { Store } from './storage/store.ts';
import { MemoryTail } from './tail/memory-tail.ts';
import type { RecentTail } from './tail/recent-tail.ts';
import { RedisTail } from './tail/redis-tail.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { MemoryThrottle } from './throttle/memory-throttle.ts';
import { RedisThrottle } from './throttle/redis-throttle.ts';
import type { Throttle } from './throttle/throttle.ts';

// The parts of a server that nodes share by Redis, and that live in the process where there is none.

/** How long a start waits for Redis before it goes on without. */
const REDIS_WITHIN_MS = 1_000;

/** The driver is loaded where it is needed alone: a server without Redis does without its memory. */
export async function openRedis(url: string, logger: Logger): Promise<RedisLink | RedisCluster> {
  const redis = readRedisAddress(url).isCluster
    ? new (await import('./redis/redis-cluster.ts')).RedisCluster(url, logger)
    : new (await import('./redis/redis-link.ts')).RedisLink(url, logger);
  await redis.settled(REDIS_WITHIN_MS);
  return redis;
}

/** The bus and the tail, which remembers what this node commits and hears of. */
export function createBus(
  redis: RedisLink | RedisCluster | null,
  secret: Uint8Array,
  store: Store,
  metrics: Metrics,
  logger: Logger,
  given?: Bus,
): { readonly bus: Bus; readonly tail: RecentTail } {
  const near = new MemoryTail();
  store.onCommitted((entries) => near.append(entries));
  const [bus, tail] = redis
    ? createBusOnRedis(
        redis,
        near,
        { hints: new SignedHints(secret, store.epoch), epoch: store.epoch },
        metrics,
        logger,
      )
    : [new MemoryBus().connect(), near];
  const used = given ?? bus;
  used.onEntries((entries) => near.append(entries));
  return { bus: used, tail };
}

export function createPresence(
  redis: RedisDeployment | null,
  secret: Uint8Array,
  epoch: string,
  metrics: Metrics,
  logger: Logger,
): Presence {
  if (!redis) return new MemoryPresence().connect();
  const onRefused = (reason: string) => metrics.hintsRefused.inc({ reason });
  return new RedisPresence(redis.broadcast, { secret, epoch, logger, onRefused });
}

function createBusOnRedis(
  redis: RedisLink | RedisCluster,
  near: MemoryTail,
  shared: { readonly hints: SignedHints; readonly epoch: string },
  metrics: Metrics,
  logger: Logger,
): [Bus, RecentTail] {
  const tail = new RedisTail(redis, {
    ...{ ...shared, near, onRefused: (reason) => metrics.tailRefused.inc({ reason }) },
  });
  const options: RedisBusOptions = {
    ...{ ...shared, logger, onRefused: (reason) => metrics.hintsRefused.inc({ reason }) },
    keep: (pipeline, hint) => tail.keep(pipeline, hint),
  };
  return [redis.isCluster ? new RedisClusterBus(redis, options) : new RedisBus(redis, options), tail];
}

export function createThrottle(redis: RedisDeployment | null, epoch: string, clock: Clock, logger: Logger): Throttle {
  const local = new MemoryThrottle(clock);
  if (!redis) return local;
  return new RedisThrottle(redis, { local, clock, prefix: `parley:${epoch}:throttle:`, logger });
}

export function warningsOf(redis: RedisDeployment | null, bus: Bus): readonly string[] {
  if (!redis || bus.isUp() || redis.warnings.length > 0) return redis?.warnings ?? [];
  return ['Redis (REDIS_URL) does not let this node listen: messages from other nodes take up to a second.'];
}
