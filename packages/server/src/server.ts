import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { forgetSessions } from './actions/forget-sessions.ts';
import { noteSecret } from './actions/note-secret.ts';
import type { Services } from './actions/services.ts';
import { createPasswords } from './auth/passwords.ts';
import { SpentTokens } from './auth/spent-tokens.ts';
import { createTokens } from './auth/tokens.ts';
import type { Bus } from './bus/bus.ts';
import type { Config } from './config/config.ts';
import { loadSecrets } from './config/secrets.ts';
import { Attendance } from './delivery/attendance.ts';
import { Hub, type HubEvents, type HubParts } from './delivery/hub.ts';
import { PresenceBoard } from './delivery/presence-board.ts';
import { relayCommits } from './delivery/relay.ts';
import { Turn } from './delivery/turn.ts';
import { WakeGuard } from './delivery/wake-guard.ts';
import { type Clock, systemClock } from './domain/clock.ts';
import { isOriginAllowed } from './gateway/origin.ts';
import { SocketServer } from './gateway/socket-server.ts';
import { createApp } from './http/app.ts';
import { clientAddress } from './http/client-address.ts';
import { createHttpServer } from './http/http-server.ts';
import { startMetricsServer } from './http/metrics.ts';
import { createBus, createPresence, createThrottle, openRedis, warningsOf } from './shared-parts.ts';
import { MessagePoster } from './storage/message-poster.ts';
import { openStore } from './storage/open-store.ts';
import type { Store } from './storage/store.ts';
import { ApiLog } from './telemetry/api-log.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import type { Throttle } from './throttle/throttle.ts';

/** How often heads are compared with the database, while the bus is up and while it is not (rule D3). */
const COMPARE_HEADS_MS = { up: 10_000, down: 750 } as const;
const LOOK_AT_BUS_MS = 250;

const FORGET_SESSIONS_MS = 10_000;

/** Connections that may wait to be accepted: beyond them a client that comes back after a restart is held up for seconds. */
const MOST_UNACCEPTED = 4_096;

/** How long requests under way may take to be answered while the server closes. */
const ANSWER_WITHIN_MS = 6_000;

/** Parts that tests put in the place of the real ones. */
export interface Overrides {
  readonly clock?: Clock;
  readonly store?: Store;
  readonly bus?: Bus;
  readonly throttle?: Throttle;
  readonly logger?: Logger;
}

export interface Server {
  /** Where it listens, such as `http://localhost:8000`. */
  readonly url: string;
  readonly metrics: Metrics;
  /** Answers what is under way, closes every socket with 1012, then the store. At most 10 s. */
  close(): Promise<void>;
}

/**
 * Starts a whole server: opens the database, brings it up to date and listens. Everything is wired here, by hand.
 * @throws StartError, or the system's error where the port cannot be listened on
 */
export async function createServer(config: Config, overrides: Overrides = {}): Promise<Server> {
  const clock = overrides.clock ?? systemClock;
  const logger = overrides.logger ?? createLogger(config.log);
  const secrets = loadSecrets(config.storage.dataDir, config);
  const store =
    overrides.store ?? (await openStore(config, { exclusively: true, onWaiting: (sentence) => logger.warn(sentence) }));
  const closing: (() => unknown)[] = [() => store.close()];
  try {
    // A file has one server; on a PostgreSQL there may be others, and nobody else would notice that they disagree.
    const secretWarnings = config.storage.postgresUrl ? await noteSecret({ store }, secrets.tokenSecret) : [];
    for (const warning of [...store.warnings, ...secretWarnings]) logger.warn(warning);
    const metrics = createMetrics();
    const onDropped = (lines: number) => metrics.apiLogDropped.inc(lines);
    const apiLog = new ApiLog({ dir: config.log.dir, clock, logger, onDropped });
    closing.unshift(() => apiLog.close());

    const redis = config.redis ? await openRedis(config.redis.url, logger) : null;
    closing.unshift(() => redis?.close());
    const { bus, tail } = createBus(redis, secrets.tokenSecret, store, metrics, logger, overrides.bus);
    const turn = new Turn();
    const wakeGuard = new WakeGuard(clock);
    const hub = createHub(store, bus, { turn, tail, isHolding: () => wakeGuard.isHolding() }, metrics, logger);
    relayCommits(store, hub, bus);
    closing.unshift(() => bus.close(), keepHeadsCompared(hub, bus, logger), keepForgetting(store, clock, logger));

    const presence = createPresence(redis, secrets.tokenSecret, store.epoch, metrics, logger);
    const attendance = new Attendance(presence, (before, after) => {
      if (before !== 'offline') metrics.people.dec({ state: before });
      if (after !== 'offline') metrics.people.inc({ state: after });
    });
    const board = new PresenceBoard(presence, { onTold: () => metrics.presenceFrames.inc() });
    metrics.followOtherNodes(() => presence.otherNodes());
    closing.unshift(
      () => attendance.close(),
      () => presence.close(),
    );

    const services: Services = {
      store,
      poster: new MessagePoster(store),
      tail,
      throttle: overrides.throttle ?? createThrottle(redis, store.epoch, clock, logger),
      limits: config.throttle,
      passwords: createPasswords(),
      tokens: createTokens({ secret: secrets.tokenSecret, accessTokenTtlMs: config.auth.accessTokenTtlMs, clock }),
      spentTokens: new SpentTokens(clock),
      sessionTtlMs: config.auth.sessionTtlMs,
      clock,
      logger,
      apiLog,
      metrics,
      audience: (stream) => hub.receivers(stream),
    };
    const { publicUrl, allowedOrigins, trustedProxies, webDist } = config.http;
    const sockets = new SocketServer({
      services,
      hub,
      turn,
      attendance,
      board,
      wakeGuard,
      flood: config.socket.flood,
      heartbeatMs: config.socket.heartbeatMs,
      isOriginAllowed: (origin, { headers }) => isOriginAllowed(origin, headers.host, { publicUrl, allowedOrigins }),
      addressOf: ({ socket, headers }) =>
        clientAddress({
          remoteAddress: socket.remoteAddress,
          forwardedFor: headers['x-forwarded-for']?.toString(),
          trustedProxies,
        }),
    });
    closing.unshift(() => sockets.drain(), guardDeliveries(wakeGuard, hub, sockets, logger));

    if (config.metrics.port !== null) {
      const metricsServer = await startMetricsServer({ host: config.http.host, port: config.metrics.port }, metrics);
      closing.unshift(() => metricsServer.close());
    }
    let draining = false;
    const app = createApp({
      services,
      publicUrl,
      trustedProxies,
      webDist,
      metricsToken: config.metrics.port === null ? secrets.metricsToken : null,
      isDraining: () => draining,
      warnings: () => [...secretWarnings, ...warningsOf(redis, bus)],
    });
    const http = createHttpServer(app, logger);
    http.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head));
    await listen(http, config.http);
    // Both at once: sockets are connections of the HTTP server, too.
    closing.unshift(() => Promise.all([stopAccepting(http), sockets.drain()]));

    return {
      url: urlOf(http, config.http.host),
      metrics,
      async close() {
        draining = true;
        for (const close of closing.splice(0)) await close();
      },
    };
  } catch (error) {
    for (const close of closing) await close();
    throw error;
  }
}

function createHub(store: Store, bus: Bus, parts: HubParts, metrics: Metrics, logger: Logger): Hub {
  let committedAt = 0;
  store.onCommitted((_, report) => {
    committedAt = performance.now();
    metrics.commitSeconds.observe(report.millis / 1_000);
    if (report.messages > 0) metrics.commitBatchMessages.observe(report.messages);
  });
  const events: HubEvents = {
    askedTail: (use, found) => metrics.tailReads.inc({ use, outcome: found ? 'hit' : 'miss' }),
    comparisonFailed: (error) => logger.warn({ err: error }, 'Heads could not be compared.'),
    repaired: () => metrics.repairs.inc(),
    repairFailed: (stream, error) => logger.warn({ err: error, stream }, 'The log could not be read for a repair.'),
    delivered(entries, receivers) {
      metrics.deliveries.inc(entries * receivers);
      metrics.deliverySeconds.observe((performance.now() - committedAt) / 1_000);
    },
  };
  return new Hub(store, bus, events, parts);
}

/** After this process stood still, nothing is delivered until it is known whose session has ended meanwhile. */
function guardDeliveries(wakeGuard: WakeGuard, hub: Hub, sockets: SocketServer, logger: Logger): () => void {
  return wakeGuard.watch({
    noticed: (millis) =>
      logger.warn(
        `This node stood still, or its clock was set, for ${Math.round(millis)} ms: it looks sessions up before it goes on.`,
      ),
    revalidate: () => sockets.checkSessions(),
    release() {
      hub.release();
      hub.compareHeads().catch((error) => logger.warn({ err: error }, 'Heads could not be compared.'));
    },
  });
}

/** Compares heads now and then, for as long as the function that comes back is not called. */
function keepHeadsCompared(hub: Hub, bus: Bus, logger: Logger): () => void {
  let comparedAt = performance.now();
  let comparing = false;
  const timer = setInterval(async () => {
    const now = performance.now();
    if (comparing || now - comparedAt < COMPARE_HEADS_MS[bus.isUp() ? 'up' : 'down']) return;
    comparing = true;
    comparedAt = now;
    await hub.compareHeads().catch((error) => logger.warn({ err: error }, 'Heads could not be compared.'));
    comparing = false;
  }, LOOK_AT_BUS_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Removes what is left of old sessions, a few now and then, for as long as the function that comes back is not called. */
function keepForgetting(store: Store, clock: Clock, logger: Logger): () => void {
  let after = '';
  const timer = setInterval(async () => {
    const next = forgetSessions({ store, clock }, after);
    after = await next.catch((error) => {
      logger.debug({ err: error }, 'Old sessions could not be removed.');
      return after;
    });
  }, FORGET_SESSIONS_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function listen(http: HttpServer, { host, port }: Config['http']): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject).listen({ port, host, backlog: MOST_UNACCEPTED }, () => {
      http.off('error', reject);
      resolve();
    });
  });
}

/** Listens no more, and resolves when the requests under way are answered; what takes longer than 6 s is cut off. */
async function stopAccepting(http: HttpServer): Promise<void> {
  // A connection that is kept alive is idle once its request is answered, and would wait for another one.
  const sweep = setInterval(() => http.closeIdleConnections(), 20);
  const cutOff = setTimeout(() => http.closeAllConnections(), ANSWER_WITHIN_MS);
  await new Promise((resolve) => http.close(resolve));
  clearInterval(sweep);
  clearTimeout(cutOff);
}

function urlOf(http: HttpServer, host: string): string {
  const { port } = http.address() as AddressInfo;
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
