import { readRedisAddress } from '../domain/redis-address.ts';
import type { Logger } from '../telemetry/logger.ts';
import { keySlot, SLOTS } from './key-slot.ts';
import { RedisConnection } from './redis-connection.ts';
import type { RedisDeployment } from './redis-deployment.ts';
import { RedisLink } from './redis-link.ts';

/** What is not there by then is told of. */
const CONNECT_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 100;
/** How often it is asked who keeps what, while all is well and while it is not. */
const ASK_EVERY_MS = { up: 5_000, down: 500 } as const;

/** From `first` to `last` the slots are kept by the node at `place`, `host:port`. */
interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly place: string;
}

/**
 * The nodes of a Redis Cluster that keep slots, with a link to each, so that of each it is known at any moment whether
 * it answers. Who keeps which slot is asked of them now and then, at once when one of them says that it is another, and
 * again and again while somebody is missing.
 */
export class RedisCluster implements RedisDeployment {
  readonly isCluster = true;
  readonly broadcast: RedisLink;
  readonly #seeds: readonly string[];
  readonly #logger: Pick<Logger, 'info' | 'warn'>;
  readonly #links = new Map<string, RedisLink>();
  readonly #owners = new Array<RedisLink | null>(SLOTS).fill(null);
  readonly #listeners: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  /** Connections to the nodes that the configuration names, while no other answers. */
  #scouts: readonly RedisConnection[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #isStale = true;
  #isComplete = false;
  #refusal: string | null = null;
  #isClosed = false;

  /** `url` is one that the configuration has accepted. */
  constructor(url: string, logger: Pick<Logger, 'info' | 'warn'>) {
    this.#seeds = readRedisAddress(url).urls;
    this.#logger = logger;
    // Its outages are those of a node, which are told of already.
    this.broadcast = new RedisLink(this.#seeds[0] as string, { info: () => {}, warn: () => {} });
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
    this.#look();
  }

  get links(): readonly RedisLink[] {
    return [...this.#links.values()];
  }

  linkFor(key: string): RedisLink | null {
    return this.#owners[keySlot(key)] ?? null;
  }

  commandsFor(key: string): RedisConnection | null {
    return this.linkFor(key)?.commands ?? null;
  }

  onMoved(listener: () => void): void {
    this.#listeners.push(listener);
  }

  isUp(): boolean {
    return this.#isComplete && this.links.every((link) => link.isUp());
  }

  async settled(millis: number): Promise<void> {
    const until = performance.now() + millis;
    while (!this.isUp() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    if (!this.#isComplete) for (const warning of this.warnings) this.#logger.warn(warning);
  }

  get warnings(): readonly string[] {
    const warnings = this.links.flatMap((link) => link.warnings);
    if (this.#isComplete || warnings.length > 0) return warnings;
    const reason = this.#refusal ?? (this.links.length > 0 ? 'some slots are on no node' : this.#scouts[0]?.reason);
    return [
      `The Redis cluster (REDIS_URL) is not complete: ${reason ?? 'no node has answered yet'}. Until it is, messages take ` +
        'up to a second to people on other nodes, and each node counts limits by itself.',
    ];
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#listeners.length = 0;
    this.#dismissScouts();
    for (const link of [this.broadcast, ...this.links]) link.close();
  }

  #look(): void {
    const answering = [...this.links.map((link) => link.commands), ...this.#scouts].filter((node) => node.isUp());
    if (answering.length === 0 && this.#scouts.length === 0) {
      this.#scouts = this.#seeds.map((url) => new RedisConnection(url));
      for (const scout of this.#scouts) scout.onChange(() => this.#look());
    }
    const age = performance.now() - this.#askedAt;
    const isDue = age > (this.isUp() ? ASK_EVERY_MS.up : ASK_EVERY_MS.down) || (this.#isStale && age > LOOK_EVERY_MS);
    const node = answering[Math.floor(Math.random() * answering.length)];
    if (isDue && node && !this.#isAsking) void this.#ask(node);
  }

  async #ask(node: RedisConnection): Promise<void> {
    this.#isAsking = true;
    this.#isStale = false;
    this.#askedAt = performance.now();
    try {
      const { url } = node;
      const answer = await node.ask((client) => client.call('CLUSTER', 'SLOTS'));
      const ranges = rangesIn(answer, new URL(url).hostname);
      // One that has just been made, or has forgotten all, says nothing about the others.
      if (ranges.length === 0) throw new Error('it knows of nobody who keeps anything');
      if (!this.#isClosed) this.#arrange(ranges, url);
      this.#refusal = null;
    } catch (error) {
      this.#isStale = true;
      this.#refusal = error instanceof Error ? error.message : String(error);
    } finally {
      this.#isAsking = false;
    }
  }

  #arrange(ranges: readonly SlotRange[], url: string): void {
    const owners = new Array<RedisLink | null>(SLOTS).fill(null);
    for (const { first, last, place } of ranges) owners.fill(this.#linkTo(place, url), first, last + 1);
    const hasMoved = owners.some((owner, slot) => owner !== this.#owners[slot]);
    owners.forEach((owner, slot) => {
      this.#owners[slot] = owner;
    });
    this.#isComplete = !owners.includes(null);
    this.#dismissScouts();
    const gone = [...this.#links].filter(([, link]) => !owners.includes(link));
    for (const [place] of gone) this.#links.delete(place);
    if (hasMoved) for (const listener of this.#listeners) listener();
    for (const [, link] of gone) link.close();
  }

  #linkTo(place: string, like: string): RedisLink {
    const known = this.#links.get(place);
    if (known) return known;
    const { protocol, username, password } = new URL(like);
    const credentials = username || password ? `${username}:${password}@` : '';
    const link = new RedisLink(`${protocol}//${credentials}${place}`, this.#logger, () => {
      this.#isStale = true;
    });
    // Whether somebody else has taken over is best asked at once.
    link.commands.onChange(() => {
      this.#isStale = true;
    });
    void link.settled(CONNECT_WITHIN_MS);
    this.#links.set(place, link);
    return link;
  }

  #dismissScouts(): void {
    for (const scout of this.#scouts) scout.close();
    this.#scouts = [];
  }
}

/** An answer to CLUSTER SLOTS: `[first, last, [host, port, …], …replicas]` for each range; no host is the one asked. */
function rangesIn(answer: unknown, asked: string): SlotRange[] {
  return (answer as [number, number, [string | null, number]][]).map(([first, last, [host, port]]) => {
    const name = host || asked;
    return { first, last, place: `${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}` };
  });
}
