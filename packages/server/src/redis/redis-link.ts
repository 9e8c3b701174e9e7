import type { Logger } from '../telemetry/logger.ts';
import { RedisConnection } from './redis-connection.ts';
import type { RedisDeployment } from './redis-deployment.ts';

/** A node's two connections to Redis: one that asks, and one that only listens. Tells of each outage once. */
export class RedisLink implements RedisDeployment {
  readonly isCluster = false;
  readonly broadcast = this;
  readonly links = [this];
  readonly commands: RedisConnection;
  readonly subscriptions: RedisConnection;
  readonly #place: string;
  readonly #logger: Pick<Logger, 'info' | 'warn'>;
  #isDown = false;
  #onceUp: (() => void) | null = null;

  constructor(url: string, logger: Pick<Logger, 'info' | 'warn'>, onStranger?: () => void) {
    this.#place = new URL(url).host;
    this.#logger = logger;
    this.commands = new RedisConnection(url, onStranger);
    this.subscriptions = new RedisConnection(url, onStranger);
    for (const connection of [this.commands, this.subscriptions]) connection.onChange(() => this.#look());
  }

  linkFor(): this {
    return this;
  }

  commandsFor(): RedisConnection {
    return this.commands;
  }

  onMoved(): void {
    // One place keeps everything, for ever.
  }

  isUp(): boolean {
    return this.commands.isUp() && this.subscriptions.isUp();
  }

  /** Waits until Redis answers, at most so many milliseconds; without it a node starts all the same. */
  async settled(millis: number): Promise<void> {
    if (!this.isUp()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, millis);
        this.#onceUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#onceUp = null;
    }
    if (!this.isUp()) this.#fallen();
  }

  /** While Redis is out of reach, a sentence that says why and what that means. */
  get warnings(): readonly string[] {
    return this.isUp() ? [] : [this.#sentence()];
  }

  close(): void {
    this.commands.close();
    this.subscriptions.close();
  }

  #look(): void {
    if (!this.isUp()) return this.#fallen();
    this.#onceUp?.();
    if (this.#isDown) this.#logger.info(`Redis at ${this.#place} answers again.`);
    this.#isDown = false;
  }

  #fallen(): void {
    // While it waits for the first connections, a start does not know yet.
    if (this.#isDown || this.#onceUp) return;
    this.#isDown = true;
    this.#logger.warn(this.#sentence());
  }

  #sentence(): string {
    const { reason } = this.commands.isUp() ? this.subscriptions : this.commands;
    return (
      `Redis at ${this.#place} (REDIS_URL) is out of reach: ${reason}. Until it is back, messages take up to a second ` +
      'to people on other nodes, and each node counts limits, and sees who is there, by itself.'
    );
  }
}
