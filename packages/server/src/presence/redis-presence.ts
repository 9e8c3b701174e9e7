import type { PresenceState } from '@parley/protocol';
import { bestPresence } from '../domain/best-presence.ts';
import { Complaints } from '../redis/complaints.ts';
import type { ConnectionChange } from '../redis/redis-connection.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { SignedMessages } from '../redis/signed-messages.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type NodeMessage, readNodeMessage } from './node-message.ts';
import { OtherNodes } from './other-nodes.ts';
import type { Presence } from './presence.ts';

interface RedisPresenceOptions {
  /** The same on all nodes, at least 32 bytes: it tells their messages from those of others. */
  readonly secret: Uint8Array;
  /** The database's: several installations can share one Redis. */
  readonly epoch: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** A message was ignored. */
  readonly onRefused?: (fault: 'forged' | 'invalid' | 'oversized') => void;
  /** How often a node says that it lives, and how long after the last time it counts as dead. */
  readonly beatMs?: number;
  readonly forgetMs?: number;
}

const BEAT_MS = 2_000;
const FORGET_MS = 8_000;
/** What changes within this time is one message. */
const TOGETHER_MS = 50;
/** So many fit into a message with room to spare. */
const PEOPLE_AT_ONCE = 2_000;
const TRY_AGAIN_MS = 1_000;

/**
 * Presence over Redis' publish and subscribe, with nothing stored: each node tells its news to all, a beat says how many
 * there were, and whoever missed some asks that node for everything. So a Redis that loses messages, is flushed or comes
 * back empty costs a question, and one that is gone leaves each node with its own people.
 */
export class RedisPresence implements Presence {
  readonly #link: RedisLink;
  readonly #messages: SignedMessages;
  readonly #toAll: string;
  readonly #toMe: string;
  readonly #complaints: Complaints;
  readonly #onRefused: (fault: 'forged' | 'invalid' | 'oversized') => void;
  readonly #own = new Map<string, PresenceState>();
  readonly #others: OtherNodes;
  readonly #beatTimer: NodeJS.Timeout;
  /** What the others have not been told yet. */
  #untold = new Map<string, PresenceState>();
  #news = 0;
  #beats = 0;
  #onChange: (userIds: readonly string[]) => void = () => {};
  #isClosed = false;

  constructor(link: RedisLink, options: RedisPresenceOptions) {
    this.#link = link;
    this.#messages = new SignedMessages(options.secret, options.epoch, 'presence between nodes');
    this.#toAll = `parley:${options.epoch}:presence`;
    this.#toMe = this.#channelOf(this.#messages.node);
    this.#complaints = new Complaints(options.logger);
    this.#onRefused = options.onRefused ?? (() => {});
    this.#others = new OtherNodes(options.forgetMs ?? FORGET_MS, (userIds) => this.#onChange(userIds));
    link.subscriptions.onMessage((channel, message) => this.#receive(channel, message));
    link.subscriptions.onChange((change) => this.#subscriptionsChanged(change));
    if (link.subscriptions.isUp()) void this.#subscribe();
    link.commands.onChange((change) => {
      if (change !== 'lost') this.#beat();
    });
    this.#beat();
    this.#beatTimer = setInterval(() => this.#beat(), options.beatMs ?? BEAT_MS);
    this.#beatTimer.unref();
  }

  set(userId: string, state: PresenceState): void {
    if (this.#isClosed || (this.#own.get(userId) ?? 'offline') === state) return;
    if (state === 'offline') this.#own.delete(userId);
    else this.#own.set(userId, state);
    if (this.#untold.size === 0) setTimeout(() => this.#tellNews(), TOGETHER_MS).unref();
    this.#untold.set(userId, state);
    this.#onChange([userId]);
  }

  stateOf(userId: string): PresenceState {
    return bestPresence([this.#own.get(userId) ?? 'offline', this.#others.stateOf(userId)]);
  }

  onChange(listener: (userIds: readonly string[]) => void): void {
    this.#onChange = listener;
  }

  otherNodes(): number {
    return this.#others.size;
  }

  /** The link stays open, for others use it as well. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#beatTimer);
    this.#untold.clear();
    await this.#link.subscriptions.ask((client) => client.unsubscribe(this.#toAll, this.#toMe)).catch(() => undefined);
  }

  #channelOf(node: string): string {
    return `${this.#toAll}:${node}`;
  }

  #beat(): void {
    this.#others.sweep(performance.now());
    // Numbered by this node alone, and never said twice: a beat that somebody repeats is known.
    this.#beats += 1;
    this.#tellNews();
    this.#publish(this.#toAll, [{ kind: 'beat', beat: this.#beats, news: this.#news }]);
  }

  #tellNews(): void {
    const untold = [...this.#untold];
    if (untold.length === 0 || this.#isClosed) return;
    this.#untold = new Map();
    const messages = piecesOf(untold).map((piece): NodeMessage => {
      this.#news += 1;
      return { kind: 'news', news: this.#news, ...statesOf(piece) };
    });
    this.#publish(this.#toAll, messages);
  }

  #tellAll(node: string): void {
    // All is what the news so far have made it.
    this.#tellNews();
    const pieces = piecesOf([...this.#own]);
    const messages = pieces.map((piece, part): NodeMessage => {
      return { kind: 'all', news: this.#news, part, parts: pieces.length, ...statesOf(piece) };
    });
    this.#publish(this.#channelOf(node), messages);
  }

  /** What cannot be said now, the next beat makes good. */
  #publish(channel: string, messages: readonly NodeMessage[]): void {
    if (this.#isClosed || !this.#link.commands.isUp()) return;
    const sealed = messages.map((message) => this.#messages.seal(channel, JSON.stringify(message)));
    this.#link.commands
      .ask(async (client) => {
        const pipeline = client.pipeline();
        for (const message of sealed) pipeline.publish(channel, message);
        for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
      })
      .catch((error: unknown) => this.#complaints.refused('Presence could not be published', error));
  }

  #subscriptionsChanged(change: ConnectionChange): void {
    if (change === 'connected') void this.#subscribe();
  }

  async #subscribe(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#link.subscriptions.ask((client) => client.subscribe(this.#toAll, this.#toMe));
    } catch (error) {
      this.#complaints.refused('The presence of other nodes could not be subscribed to', error);
      // A lost connection says itself when it is back; this is for one that only refuses.
      if (this.#link.subscriptions.isUp()) setTimeout(() => void this.#subscribe(), TRY_AGAIN_MS).unref();
    }
  }

  #receive(channel: string, bytes: Buffer): void {
    if (this.#isClosed || (channel !== this.#toAll && channel !== this.#toMe)) return;
    const opened = this.#messages.open(channel, bytes);
    if (opened.status === 'own') return;
    if (opened.status === 'refused') return this.#refuse(opened.fault);
    const message = readNodeMessage(opened.text);
    if (message === null) return this.#refuse('invalid');
    if (message.kind === 'ask') return this.#tellAll(opened.node);
    const isToBeAsked = this.#others.hear(opened.node, message, performance.now());
    if (isToBeAsked) this.#publish(this.#channelOf(opened.node), [{ kind: 'ask' }]);
  }

  #refuse(fault: 'forged' | 'invalid' | 'oversized'): void {
    this.#onRefused(fault);
    this.#complaints.say(
      `A message on Redis was ignored (${fault}): something else publishes on Parley's channels, or the nodes do not ` +
        'all have the same PARLEY_SECRET.',
    );
  }
}

type Said = readonly [userId: string, state: PresenceState];

/** At least one piece, so that there is something to say of nobody, too. */
function piecesOf(said: readonly Said[]): (readonly Said[])[] {
  const count = Math.max(1, Math.ceil(said.length / PEOPLE_AT_ONCE));
  return Array.from({ length: count }, (_, index) => said.slice(index * PEOPLE_AT_ONCE, (index + 1) * PEOPLE_AT_ONCE));
}

function statesOf(said: readonly Said[]) {
  const who = (wanted: PresenceState) => said.filter(([, state]) => state === wanted).map(([userId]) => userId);
  return { online: who('online'), away: who('away'), offline: who('offline') };
}
