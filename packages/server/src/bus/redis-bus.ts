import type { Entry } from '@parley/protocol';
import type { ChainableCommander } from 'ioredis';
import { Complaints } from '../redis/complaints.ts';
import type { ConnectionChange } from '../redis/redis-connection.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { isKeptElsewhere } from '../redis/refusal.ts';
import type { HintFault, SealedHint, SignedHints } from '../redis/signed-hints.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Bus } from './bus.ts';
import { MissedEntries } from './missed-entries.ts';

export interface RedisBusOptions {
  readonly hints: SignedHints;
  /** The database's: several installations can share one Redis. */
  readonly epoch: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** A message was ignored. */
  readonly onRefused?: (fault: HintFault) => void;
  /** Adds to the pipeline what has a hint remembered, for those who missed it. */
  readonly keep?: (pipeline: ChainableCommander, hint: SealedHint) => void;
}

const CHANNELS_AT_ONCE = { plain: 1_000, sharded: 200 } as const;
const TRY_AGAIN_MS = 1_000;

/**
 * Hints by Redis' publish and subscribe, one channel for each stream. What is published in one turn of the event loop
 * goes out as one pipeline, and so do changes of what is followed. After any loss all is subscribed anew, and what could
 * not be published is made up for by the last entry of its stream: it shows the others that there is a gap to fill.
 */
export class RedisBus implements Bus {
  readonly #link: RedisLink;
  readonly #hints: SignedHints;
  readonly #isSharded: boolean;
  readonly #cluster: Pick<Bus, 'publish'> | null;
  readonly #epoch: string;
  readonly #complaints: Complaints;
  readonly #onRefused: (fault: HintFault) => void;
  readonly #keep: RedisBusOptions['keep'];
  readonly #followed = new Set<string>();
  /** Streams that Redis may send on this connection, and among them those of which it has said so. */
  readonly #held = new Set<string>();
  readonly #confirmed = new Set<string>();
  /** Streams of which the three sets above may disagree. */
  readonly #changed = new Set<string>();
  readonly #missed = new MissedEntries();
  #makingUp: NodeJS.Timeout | null = null;
  #outgoing = new Map<string, Entry[]>();
  readonly #listeners: ((entries: readonly Entry[]) => void)[] = [];
  #onFollowing: (streams: readonly string[]) => void = () => {};
  #isSubscribing = false;
  #isSubscribed = false;
  #isClosed = false;

  /**
   * On a node of a `cluster` it is sharded: channels belong to the node, and only it may be asked for them. What could
   * not be published goes back to the cluster's bus, which may know of another node by then.
   */
  constructor(
    link: RedisLink,
    { hints, epoch, logger, onRefused = () => {}, keep }: RedisBusOptions,
    cluster: Pick<Bus, 'publish'> | null = null,
  ) {
    this.#isSharded = cluster !== null;
    this.#cluster = cluster;
    this.#link = link;
    this.#hints = hints;
    this.#epoch = epoch;
    this.#complaints = new Complaints(logger);
    this.#onRefused = onRefused;
    this.#keep = keep;
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
    this.#listeners.push(listener);
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
    return hintChannel(this.#epoch, stream);
  }

  #streamOf(channel: string): string | null {
    const prefix = `parley:${this.#epoch}:{`;
    return channel.startsWith(prefix) ? channel.slice(prefix.length, -1) : null;
  }

  async #flush(): Promise<void> {
    const outgoing = this.#outgoing;
    if (outgoing.size === 0) return;
    this.#outgoing = new Map();
    if (!this.#link.commands.isUp()) return this.#remember(outgoing);
    try {
      await this.#link.commands.ask(async (client) => {
        const hints = [...outgoing].flatMap(([stream, entries]) => [...this.#hints.seal(stream, entries)]);
        const pipeline = client.pipeline();
        // Whoever hears of an entry finds it kept.
        for (const hint of hints) this.#keep?.(pipeline, hint);
        for (const { text, last } of hints) {
          const channel = this.#channelOf(last.stream);
          if (this.#isSharded) pipeline.spublish(channel, text);
          else pipeline.publish(channel, text);
        }
        const errors = ((await pipeline.exec()) ?? []).map(([error]) => error);
        const unpublished = errors.slice(-hints.length).find((error) => error !== null);
        if (unpublished) throw unpublished;
        this.#complaints.refused(
          'Recent entries could not be kept',
          errors.find((error) => error !== null),
        );
      });
    } catch (error) {
      this.#remember(outgoing);
      this.#complaints.refused('Hints could not be published', error);
      // A lost connection says itself when it is back; this is for one that only refuses.
      if (this.#link.commands.isUp()) this.#makingUp ??= setTimeout(() => this.#makeUp(), TRY_AGAIN_MS).unref();
    }
  }

  #remember(outgoing: ReadonlyMap<string, readonly Entry[]>): void {
    for (const run of outgoing.values()) this.#missed.add(run);
  }

  #makeUp(): void {
    this.#makingUp = null;
    (this.#cluster ?? this).publish(this.takeMissed());
  }

  /** The last entry of each stream that could not be published, for somebody else to make up for. */
  takeMissed(): Entry[] {
    return this.#missed.take();
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
        const some = [...this.#changed].slice(0, CHANNELS_AT_ONCE[this.#isSharded ? 'sharded' : 'plain']);
        for (const stream of some) this.#changed.delete(stream);
        await this.#unsubscribeFrom(some.filter((stream) => !this.#followed.has(stream) && this.#held.has(stream)));
        await this.#subscribeTo(some.filter((stream) => this.#followed.has(stream) && !this.#confirmed.has(stream)));
      }
      this.#isSubscribed = this.#link.subscriptions.isUp();
    } catch (error) {
      this.#isSubscribed = false;
      this.#complaints.refused('Channels could not be subscribed to', error);
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
      this.#link.subscriptions.ask((client) =>
        this.#isSharded
          ? each(channels, (channel) => client.sunsubscribe(channel).catch(unlessElsewhere))
          : client.unsubscribe(...channels),
      ),
    );
    for (const stream of streams) this.#held.delete(stream);
  }

  async #subscribeTo(streams: readonly string[]): Promise<void> {
    if (streams.length === 0) return;
    const channels = streams.map((stream) => this.#channelOf(stream));
    for (const stream of streams) this.#held.add(stream);
    await this.#orChangedAgain(
      streams,
      this.#link.subscriptions.ask((client) =>
        this.#isSharded ? each(channels, (channel) => client.ssubscribe(channel)) : client.subscribe(...channels),
      ),
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
    if (opened.status === 'hints') for (const listener of this.#listeners) listener(opened.entries);
    if (opened.status !== 'refused') return;
    this.#onRefused(opened.fault);
    this.#complaints.say(
      `A message on Redis was ignored (${opened.fault}): something else publishes on Parley's channels, or the nodes ` +
        'do not all have the same PARLEY_SECRET.',
    );
    // Signed by a node that knows of more kinds of entries than this one: the log tells what it was.
    if (opened.fault === 'invalid') this.#onFollowing([stream]);
  }
}

/** The channel of a stream's hints; on a cluster it is kept where the stream's keys are. */
export function hintChannel(epoch: string, stream: string): string {
  return `parley:${epoch}:{${stream}}`;
}

/** Sharded channels may only be named together where they share a slot. */
function each(channels: readonly string[], command: (channel: string) => Promise<unknown>): Promise<unknown> {
  return Promise.all(channels.map(command));
}

/** A channel that has moved to another node is followed here no more. */
function unlessElsewhere(error: unknown): void {
  if (!isKeptElsewhere(error)) throw error;
}
