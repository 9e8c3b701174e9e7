import { isIP } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { isKeptElsewhere } from './refusal.ts';

/** What takes longer counts as no answer: somebody is waiting. */
const ANSWER_WITHIN_MS = 250;
const PROBE_EVERY_MS = 400;
/** A socket on which nothing came back for so long is replaced: its other end may be gone without a word. */
const REPLACE_SOCKET_AFTER_MS = 4_000;
const LONGEST_RETRY_MS = 1_000;

/** `connected`: on a new connection, which knows of no subscriptions. `resumed`: on the old one, after a silence. */
export type ConnectionChange = 'connected' | 'resumed' | 'lost';

/**
 * One connection to Redis that never keeps anybody waiting: a command is answered within 250 ms or refused, and while
 * Redis is out of reach it is refused at once. It finds its own way back, and looks for itself whether Redis answers.
 */
export class RedisConnection {
  readonly url: string;
  readonly #client: Redis;
  readonly #listeners: ((change: ConnectionChange) => void)[] = [];
  readonly #onStranger: (() => void) | undefined;
  readonly #prober: NodeJS.Timeout;
  #isConnected = false;
  #isAnswering = false;
  #isProbing = false;
  #reason = 'there has been no answer yet';

  /**
   * `url` is one that the configuration has accepted. `onStranger` makes it one of the connections to a cluster: it is
   * called when the node says that another one keeps what it was asked for, which to whoever asked is no answer.
   */
  constructor(url: string, onStranger?: () => void) {
    this.url = url;
    this.#onStranger = onStranger;
    this.#client = new Redis(optionsOf(url));
    this.#client.on('moved', () => onStranger?.());
    this.#client.on('ready', () => this.#connected());
    this.#client.on('close', () => this.#closed());
    this.#client.on('error', (error) => {
      this.#reason = reasonOf(error);
    });
    this.#prober = setInterval(() => this.#probe(), PROBE_EVERY_MS);
    this.#prober.unref();
  }

  isUp(): boolean {
    return this.#isConnected && this.#isAnswering;
  }

  /** Why the connection is not up, or was not when it last was not: a few words without a password in them. */
  get reason(): string {
    return this.#reason;
  }

  onChange(listener: (change: ConnectionChange) => void): void {
    this.#listeners.push(listener);
  }

  onMessage(listener: (channel: string, message: Buffer) => void): void {
    for (const event of ['messageBuffer', 'smessageBuffer']) {
      this.#client.on(event, (channel: Buffer, message: Buffer) => listener(channel.toString(), message));
    }
  }

  /**
   * Carries out a command. Rejects when it fails or has no answer within 250 ms; what is answered later is given to
   * `onLate`, since it happened after all.
   */
  ask<Answer>(command: (client: Redis) => Promise<Answer>, onLate?: (answer: Answer) => void): Promise<Answer> {
    if (!this.isUp()) return Promise.reject(new Error(`Redis is out of reach: ${this.#reason}.`));
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const giveUp = () => {
        if (isSettled) return;
        isSettled = true;
        this.#fallSilent();
        reject(new Error(`Redis is out of reach: ${this.#reason}.`));
      };
      // A busy turn may end with the answer at the door: it is let in before the time is called up.
      const timer = setTimeout(() => setImmediate(giveUp), ANSWER_WITHIN_MS);
      command(this.#client).then(
        (answer) => {
          clearTimeout(timer);
          if (isSettled) onLate?.(answer);
          isSettled = true;
          resolve(answer);
        },
        (error) => {
          clearTimeout(timer);
          isSettled = true;
          reject(
            this.#isStrange(error)
              ? new Error('Redis is out of reach: this node of the cluster does not keep it.')
              : error,
          );
        },
      );
    });
  }

  close(): void {
    clearInterval(this.#prober);
    this.#listeners.length = 0;
    this.#client.disconnect();
  }

  #isStrange(error: unknown): boolean {
    if (!this.#onStranger || !isKeptElsewhere(error)) return false;
    this.#onStranger();
    return true;
  }

  #connected(): void {
    this.#isConnected = true;
    this.#isAnswering = true;
    this.#tell('connected');
  }

  #closed(): void {
    const wasUp = this.isUp();
    this.#isConnected = false;
    if (!wasUp) return;
    this.#reason = 'the connection was closed';
    this.#tell('lost');
  }

  #fallSilent(): void {
    if (!this.isUp()) return;
    this.#isAnswering = false;
    this.#reason = 'it does not answer';
    this.#tell('lost');
    this.#probe();
  }

  #probe(): void {
    if (!this.#isConnected || this.#isProbing) return;
    this.#isProbing = true;
    const timer = setTimeout(() => setImmediate(() => this.#isProbing && this.#fallSilent()), ANSWER_WITHIN_MS);
    const done = () => {
      clearTimeout(timer);
      this.#isProbing = false;
    };
    this.#client.ping().then(() => {
      done();
      if (!this.#isConnected || this.#isAnswering) return;
      this.#isAnswering = true;
      this.#tell('resumed');
    }, done);
  }

  #tell(change: ConnectionChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function optionsOf(address: string) {
  const { protocol, hostname, port, username, password, pathname } = new URL(address);
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: Number(port || 6379),
    db: Number(pathname.slice(1)),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: isIP(host) ? {} : { servername: host } } : {}),
    connectionName: 'parley',
    // What cannot be sent now is nobody's business later: whoever asked has gone on without it.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: REPLACE_SOCKET_AFTER_MS,
    socketTimeout: REPLACE_SOCKET_AFTER_MS,
    maxLoadingRetryTime: 500,
    retryStrategy: (attempt) => Math.min(LONGEST_RETRY_MS, 25 * 2 ** attempt) * (0.5 + Math.random() / 2),
    // After a failover the old primary may go on as a replica, on connections that stay open.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
  } satisfies RedisOptions;
}

/** Never the error itself: the driver's errors carry the command that failed, and with it the password. */
function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code ?? message.replace(/\.$/, '');
}
