import type { Entry } from '@parley/protocol';
import type { ConnectionChange } from '../redis/redis-connection.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { refusalIn } from '../redis/refusal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Bus } from './bus.ts';
import { type HintFault, SignedHints } from './signed-hints.ts';

interface RedisBusOptions {
  /** The same on all nodes, at least 32 bytes: it tells their hints from those of others. */
  readonly secret: Uint8Array;
  /** The database's: several installations can share one Redis. */
  readonly epoch: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** A message was ignored. */
  readonly onRefused?: (fault: HintFault) => void;
}

const CHANNELS_AT_ONCE = 1_000;
const TRY_AGAIN_MS = 1_000;
const COMPLAIN_EVERY_MS = 60_000;
/** Of so many streams it is remembered that a hint could not be published. */
const MOST_MISSED = 10_000;

/**
 * Hints by Redis' publish and subscribe, one channel for each stream. What is published in one turn of the event loop
 * goes out as one pipeline, and so do changes of what is followed. After any loss all is subscribed anew, and what could
 * not be published is made up for by the last entry of its stream: it shows the others that there is a gap to fill.
 */
export class RedisBus implements Bus {
  readonly #link: RedisLink;
  readonly #hints: SignedHints;
  readonly #prefix: string;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #onRefused: (fault: HintFault) => void;
  readonly #followed = new Set<string>();
  /** Streams that Redis may send on this connection, and among them those of which it has said so. */
  readonly #held = new Set<string>();
  readonly #confirmed = new Set<string>();
  /** Streams of which the three sets above may disagree. */
  readonly #changed = new Set<string>();
  readonly #missed = new Map<string, Entry>();
  #outgoing = new Map<string, Entry[]>();
  #onEntries: (entries: readonly Entry[]) => void = () => {};
  #onFollowing: (streams: readonly string[]) => void = () => {};
  #isSubscribing = false;
  #isSubscribed = false;
  #isClosed = false;
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(link: RedisLink, { secret, epoch, logger, onRefused = () => {} }: RedisBusOptions) {
    this.#link = link;
    this.#hints = new SignedHints(secret, epoch);
    this.#prefix = `parley:${epoch}:`;
    this.#logger = logger;
    this.#onRefused = onRefused;
    link.subscriptions.onMessage((channel, message) => this.#receive(channel, message));
    link.subscriptions.onChange((change) => this.#subscriptionsChanged(change));
    link.commands.onChange((change) => {
      if (change !== 'lost') this.#makeUp();
    });
    if (link.subscriptions.isUp()) this.#subscribeSoon();
  }

  publish(entries: readonly Entry[]): void {
    if (this.#isClosed) return;
    if (this.#outgoing.size === 0 && entries.length > 0) setImmediate(() => void this.#flush());
    for (const entry of entries) {
      const gathered = this.#outgoing.get(entry.stream);
      if (gathered) gathered.push(entry);
      else this.#outgoing.set(entry.stream, [entry]);
    }
  }

  follow(stream: string): void {
    this.#followed.add(stream);
    this.#change(stream);
  }

  unfollow(stream: string): void {
    this.#followed.delete(stream);
    this.#change(stream);
  }

  onEntries(listener: (entries: readonly Entry[]) => void): void {
    this.#onEntries = listener;
  }

  onFollowing(listener: (streams: readonly string[]) => void): void {
    this.#onFollowing = listener;
  }

  isUp(): boolean {
    return this.#isSubscribed && this.#link.isUp();
  }

  /** Publishes what is left and lets go of all streams; the link stays open, for others use it as well. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const flushed = this.#flush();
    for (const stream of this.#followed) this.#change(stream);
    this.#followed.clear();
    await flushed;
  }

  #channelOf(stream: string): string {
    return `${this.#prefix}{${stream}}`;
  }

  #streamOf(channel: string): string | null {
    return channel.startsWith(`${this.#prefix}{`) ? channel.slice(this.#prefix.length + 1, -1) : null;
  }

  async #flush(): Promise<void> {
    const outgoing = this.#outgoing;
    if (outgoing.size === 0) return;
    this.#outgoing = new Map();
    if (!this.#link.commands.isUp()) return this.#remember(outgoing);
    try {
      await this.#link.commands.ask(async (client) => {
        const pipeline = client.pipeline();
        for (const [stream, entries] of outgoing) {
          for (const message of this.#hints.seal(stream, entries)) pipeline.publish(this.#channelOf(stream), message);
        }
        for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
      });
    } catch (error) {
      this.#remember(outgoing);
      this.#failed('Hints could not be published', error);
    }
  }

  #remember(outgoing: ReadonlyMap<string, readonly Entry[]>): void {
    for (const [stream, entries] of outgoing) {
      this.#missed.delete(stream);
      this.#missed.set(stream, entries.at(-1) as Entry);
    }
    for (const stream of this.#missed.keys()) {
      if (this.#missed.size <= MOST_MISSED) break;
      this.#missed.delete(stream);
    }
  }

  #makeUp(): void {
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    this.publish(missed);
  }

  #subscriptionsChanged(change: ConnectionChange): void {
    this.#isSubscribed = false;
    this.#confirmed.clear();
    if (change === 'lost') return;
    if (change === 'connected') this.#held.clear();
    for (const stream of this.#followed) this.#changed.add(stream);
    this.#subscribeSoon();
  }

  #change(stream: string): void {
    this.#changed.add(stream);
    this.#subscribeSoon();
  }

  #subscribeSoon(): void {
    if (this.#isSubscribing) return;
    this.#isSubscribing = true;
    setImmediate(() => void this.#subscribe());
  }

  /** Brings Redis into step with what is followed, piece by piece, until nothing more has changed meanwhile. */
  async #subscribe(): Promise<void> {
    try {
      while (this.#changed.size > 0 && this.#link.subscriptions.isUp()) {
        const some = [...this.#changed].slice(0, CHANNELS_AT_ONCE);
        for (const stream of some) this.#changed.delete(stream);
        await this.#unsubscribeFrom(some.filter((stream) => !this.#followed.has(stream) && this.#held.has(stream)));
        await this.#subscribeTo(some.filter((stream) => this.#followed.has(stream) && !this.#confirmed.has(stream)));
      }
      this.#isSubscribed = this.#link.subscriptions.isUp();
    } catch (error) {
      this.#isSubscribed = false;
      this.#failed('Channels could not be subscribed to', error);
      // A lost connection says itself when it is back; this is for one that only refuses.
      if (!this.#isClosed) setTimeout(() => this.#subscribeSoon(), TRY_AGAIN_MS).unref();
    } finally {
      this.#isSubscribing = false;
    }
  }

  async #unsubscribeFrom(streams: readonly string[]): Promise<void> {
    if (streams.length === 0) return;
    const channels = streams.map((stream) => this.#channelOf(stream));
    for (const stream of streams) this.#confirmed.delete(stream);
    await this.#orChangedAgain(
      streams,
      this.#link.subscriptions.ask((client) => client.unsubscribe(...channels)),
    );
    for (const stream of streams) this.#held.delete(stream);
  }

  async #subscribeTo(streams: readonly string[]): Promise<void> {
    if (streams.length === 0) return;
    const channels = streams.map((stream) => this.#channelOf(stream));
    for (const stream of streams) this.#held.add(stream);
    await this.#orChangedAgain(
      streams,
      this.#link.subscriptions.ask((client) => client.subscribe(...channels)),
    );
    for (const stream of streams) this.#confirmed.add(stream);
    this.#onFollowing(streams);
  }

  async #orChangedAgain(streams: readonly string[], asked: Promise<unknown>): Promise<void> {
    try {
      await asked;
    } catch (error) {
      for (const stream of streams) this.#changed.add(stream);
      throw error;
    }
  }

  #receive(channel: string, message: Buffer): void {
    const stream = this.#streamOf(channel);
    if (stream === null || !this.#followed.has(stream)) return;
    const opened = this.#hints.open(stream, message);
    if (opened.status === 'hints') this.#onEntries(opened.entries);
    if (opened.status !== 'refused') return;
    this.#onRefused(opened.fault);
    this.#complain(
      `A message on Redis was ignored (${opened.fault}): something else publishes on Parley's channels, or the nodes ` +
        'do not all have the same PARLEY_SECRET.',
    );
    // Signed by a node that knows of more kinds of entries than this one: the log tells what it was.
    if (opened.fault === 'invalid') this.#onFollowing([stream]);
  }

  #failed(what: string, error: unknown): void {
    const refusal = refusalIn(error);
    if (refusal !== null) this.#complain(`${what}: ${refusal}`);
  }

  #complain(sentence: string): void {
    const now = performance.now();
    if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    this.#logger.warn(sentence);
  }
}
