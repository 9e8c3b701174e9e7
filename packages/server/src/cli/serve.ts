import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Config, readConfig } from '../config/config.ts';
import { StartError } from '../domain/start-error.ts';
import { createServer } from '../server.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { endStartSoon } from './end-start.ts';

/** An orchestrator kills what has not ended after 10 s. */
const CLOSE_WITHIN_MS = 9_500;

/**
 * Starts the server and returns while it runs. SIGTERM and SIGINT close it and end the process, with 0 when that took
 * less than 10 s; a second signal ends it at once. What nobody caught is logged, and ends it with 1.
 * @throws ConfigError, StartError
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env, { isTTY: process.stdout.isTTY });
  const logger = createLogger(config.log);
  dieOfTheUnexpected(logger);
  for (const warning of config.warnings) logger.warn(warning);
  if (!existsSync(join(config.http.webDist, 'index.html'))) {
    logger.warn(`There is no web app in ${resolve(config.http.webDist)}: "npm run build" makes it.`);
  }

  const starting = createServer(config, { logger });
  closeOnSignal(starting, logger);
  const server = await starting.catch((error) => {
    throw listenProblem(error, config) ?? error;
  });
  announce(config.http.publicUrl ?? server.url, config, logger);
  endStartSoon();
}

function announce(url: string, config: Config, logger: Logger): void {
  if (config.log.format === 'pretty') process.stdout.write(`Parley is at ${url}\n`);
  else logger.info({ url }, `Parley is at ${url}`);
}

/**
 * Also while it starts, which may take a minute where the database is awaited: the first process of a container dies of
 * no signal by itself.
 */
function closeOnSignal(starting: Promise<{ close(): Promise<void> }>, logger: Logger): void {
  let server: { close(): Promise<void> } | null = null;
  let closing = false;
  starting.then(
    (started) => (server = started),
    () => {},
  );
  const close = (signal: NodeJS.Signals) => {
    if (closing) process.exit(1);
    closing = true;
    if (!server) {
      logger.info({ signal }, 'Stopped before it had started.');
      process.exit(0);
    }
    logger.info({ signal }, 'Closing.');
    setTimeout(() => {
      logger.error('Closing took too long: what was not finished is cut off.');
      process.exit(1);
    }, CLOSE_WITHIN_MS).unref();
    server.close().then(
      () => {
        logger.info('Closed.');
        process.exit(0);
      },
      (error) => {
        logger.error({ err: error }, 'Closing failed.');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', close);
  process.on('SIGINT', close);
}

/** After something that nobody foresaw, no state can be trusted; what was acknowledged is on the disk. */
function dieOfTheUnexpected(logger: Logger): void {
  const die = (error: unknown) => {
    logger.fatal({ err: error }, 'Something unforeseen happened: stopping.');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}

/** What the system said about an address that cannot be listened on, as a sentence. */
function listenProblem(error: NodeJS.ErrnoException & { port?: number }, config: Config): StartError | null {
  if (error.syscall !== 'listen') return null;
  const ofMetrics = error.port !== undefined && error.port === config.metrics.port;
  const name = ofMetrics ? 'PARLEY_METRICS_PORT' : 'PORT';
  const port = ofMetrics ? config.metrics.port : config.http.port;
  const because = { cause: error };
  if (error.code === 'EADDRINUSE') {
    return new StartError(
      `Port ${port} is in use. Stop what listens there, or choose another port with ${name}, such as ${name}=${Number(port) + 1}.`,
      because,
    );
  }
  if (error.code === 'EACCES') {
    return new StartError(
      `This user may not listen on port ${port}. Choose another one with ${name}, above 1023.`,
      because,
    );
  }
  return new StartError(
    `Parley cannot listen on ${config.http.host}, port ${port} (${error.code}). HOST must be an address of this machine.`,
    because,
  );
}
