import type { Entry } from '@parley/protocol';
import type { RedisDeployment } from '../redis/redis-deployment.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import type { Bus } from './bus.ts';
import { MissedEntries } from './missed-entries.ts';
import { hintChannel, RedisBus, type RedisBusOptions } from './redis-bus.ts';

/**
 * Hints over the nodes of a cluster by sharded publish and subscribe: the channel of a stream belongs to one of them. To
 * each goes a bus of its own, which sees to its own losses; streams whose channel has moved to another node are followed
 * there anew, so that they are compared as after any loss.
 */
export class RedisClusterBus implements Bus {
  readonly #cluster: RedisDeployment;
  readonly #options: RedisBusOptions;
  readonly #buses = new Map<RedisLink, RedisBus>();
  /** On whose bus each stream is followed; null while nobody is known to have its channel. */
  readonly #followed = new Map<string, RedisBus | null>();
  readonly #entryListeners: ((entries: readonly Entry[]) => void)[] = [];
  readonly #followingListeners: ((streams: readonly string[]) => void)[] = [];
  /** What could not be published for want of somebody to publish it. */
  readonly #homeless = new MissedEntries();

  constructor(cluster: RedisDeployment, options: RedisBusOptions) {
    this.#cluster = cluster;
    this.#options = options;
    cluster.onMoved(() => this.#rearrange());
    this.#rearrange();
  }

  publish(entries: readonly Entry[]): void {
    let start = 0;
    while (start < entries.length) {
      const { stream } = entries[start] as Entry;
      let end = start + 1;
      while (end < entries.length && entries[end]?.stream === stream) end += 1;
      const run = entries.slice(start, end);
      const bus = this.#busOf(stream);
      if (bus) bus.publish(run);
      else this.#homeless.add(run);
      start = end;
    }
  }

  follow(stream: string): void {
    const bus = this.#busOf(stream);
    this.#followed.set(stream, bus);
    bus?.follow(stream);
  }

  unfollow(stream: string): void {
    this.#followed.get(stream)?.unfollow(stream);
    this.#followed.delete(stream);
  }

  onEntries(listener: (entries: readonly Entry[]) => void): void {
    this.#entryListeners.push(listener);
  }

  onFollowing(listener: (streams: readonly string[]) => void): void {
    this.#followingListeners.push(listener);
  }

  isUp(): boolean {
    return this.#cluster.isUp() && [...this.#buses.values()].every((bus) => bus.isUp());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#buses.values()].map((bus) => bus.close()));
  }

  #busOf(stream: string): RedisBus | null {
    const link = this.#cluster.linkFor(hintChannel(this.#options.epoch, stream));
    return (link && this.#buses.get(link)) ?? null;
  }

  #rearrange(): void {
    const { links } = this.#cluster;
    const gone = [...this.#buses].filter(([link]) => !links.includes(link));
    for (const [link] of gone) this.#buses.delete(link);
    for (const link of links) if (!this.#buses.has(link)) this.#buses.set(link, this.#open(link));
    for (const [stream, before] of this.#followed) {
      const now = this.#busOf(stream);
      if (now === before) continue;
      before?.unfollow(stream);
      this.#followed.set(stream, now);
      now?.follow(stream);
    }
    const buses = [...this.#buses.values(), ...gone.map(([, bus]) => bus)];
    this.publish([...this.#homeless.take(), ...buses.flatMap((bus) => bus.takeMissed())]);
    for (const [, bus] of gone) void bus.close();
  }

  #open(link: RedisLink): RedisBus {
    const bus = new RedisBus(link, this.#options, this);
    bus.onEntries((entries) => {
      for (const listener of this.#entryListeners) listener(entries);
    });
    bus.onFollowing((streams) => {
      for (const listener of this.#followingListeners) listener(streams);
    });
    return bus;
  }
}
