import type { Client } from '@parley/client';
import { type Entry, Failure, newId } from '@parley/protocol';
import { expect, vi } from 'vitest';
import type { Chance } from '../../../client/src/test/chance.ts';
import { type Device, expectUpToDate, openDevice } from '../../../client/src/test/device.ts';
import { type WireWitness, wireWitness } from '../../../client/src/test/wire-witness.ts';
import { faultsIn, type History, type Outcome, type Sending, type Stored } from './history.ts';
import { type Person, register, requestJson } from './people.ts';

const BACKOFF = { leastMs: 20, mostMs: 200 };
/** How often each client sends, and how many of its messages may wait for their acks. */
const SEND_EVERY_MS = 12;
const MOST_WAITING = 6;
const CHANNELS = 3;

interface TrafficOptions {
  /** Where people register, and whose logs are compared. */
  readonly nodes: readonly { readonly name: string; readonly url: string }[];
  /** Where each client connects, a client each. */
  readonly doors: readonly string[];
  readonly chance: Chance;
  /** The messages of these channels, straight from the tables. */
  stored(channelIds: readonly string[]): Promise<readonly Stored[]>;
}

/** A client of somebody's, with what it was given and when. */
export interface Someone {
  readonly name: string;
  readonly device: Device;
  /** When its application was given each message, by the message's id. */
  readonly givenAt: Map<string, number>;
  /** What came over the wire that should not have. */
  readonly witness: WireWitness;
}

/**
 * People who write to each other through the SDK for as long as a test wants, and the history of it: what became of
 * each message, and what each client was given.
 */
export class Traffic {
  readonly someone: readonly Someone[];
  readonly channelIds: readonly string[];
  /** A member of every channel who says nothing, and reads by REST. */
  readonly auditor: Person;
  readonly sendings: Sending[] = [];
  readonly #options: TrafficOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  #pouring: NodeJS.Timeout | null = null;
  #posting: Promise<void> | null = null;

  private constructor(options: TrafficOptions, auditor: Person, someone: readonly Someone[], channelIds: string[]) {
    this.#options = options;
    this.auditor = auditor;
    this.someone = someone;
    this.channelIds = channelIds;
  }

  /** Everybody is a member of every channel, is connected, and silent. */
  static async between(options: TrafficOptions): Promise<Traffic> {
    const auditor = await register(options.nodes[0]?.url as string);
    const someone = await Promise.all(options.doors.map((url, place) => aSomeone(`client ${place}`, url)));
    const members = someone.map(({ device }) => device.user.username);
    const channels = await Promise.all(
      Array.from({ length: CHANNELS }, () => {
        return auditor.ask('POST', '/channels', { name: newId(), kind: 'private', members });
      }),
    );
    for (const { device } of someone) await expectUpToDate(device);
    return new Traffic(
      options,
      auditor,
      someone,
      channels.map(({ id }) => id as string),
    );
  }

  /**
   * All of them, or those named, send: a message every 12 ms as long as few of theirs wait, and one of them by REST as
   * well.
   */
  pour(senders: readonly Someone[] = this.someone): void {
    const { chance } = this.#options;
    this.#pouring = setInterval(() => {
      for (const { name, device } of senders) {
        const waiting = device.client.getOutbox().filter(({ status }) => status.kind !== 'failed');
        if (waiting.length < MOST_WAITING) this.send(name, device.client, chance.pick(this.channelIds));
      }
    }, SEND_EVERY_MS);
    const [first] = senders;
    if (first) this.#posting = this.#postOnAndOn(first);
  }

  /** Sends a message and records what comes of it. */
  send(by: string, client: Client, channelId: string): Sending {
    const sending = this.#begin(by, channelId);
    this.#follow(sending, client.send(channelId, `message ${sending.id} of ${by}`, { id: sending.id }));
    return sending;
  }

  /** Waits until so many more messages are acknowledged. */
  async flow(messages: number, timeout = 20_000): Promise<void> {
    const enough = this.acked().length + messages;
    await vi.waitFor(() => expect(this.acked().length).toBeGreaterThanOrEqual(enough), { timeout, interval: 5 });
  }

  acked(): { readonly id: string; readonly channelId: string; readonly at: number; readonly seq: number }[] {
    return this.sendings.flatMap(({ id, channelId, outcome }) =>
      outcome.kind === 'acked' ? [{ id, channelId, at: outcome.at, seq: outcome.seq }] : [],
    );
  }

  /** For each message acknowledged since then, how long after that the last client had it, ascending, in milliseconds. */
  lagsSince(moment: number): number[] {
    const lags = this.acked()
      .filter(({ at }) => at >= moment)
      .map(({ id, at }) => Math.max(...this.someone.map(({ givenAt }) => (givenAt.get(id) ?? at) - at)));
    return lags.sort((a, b) => a - b);
  }

  /** Sends no more, waits until every message has its outcome and every client is up to date, and tells the faults. */
  async faults(timeout = 20_000): Promise<string[]> {
    await this.stop();
    await Promise.all(this.#underWay);
    for (const { device } of this.someone) await expectUpToDate(device, timeout);
    const onTheWire = this.someone.flatMap(({ name, witness }) =>
      witness.violations.map((violation) => `D1 or A1: ${name} was sent ${violation}.`),
    );
    return [...onTheWire, ...faultsIn(await this.#history())];
  }

  async stop(): Promise<void> {
    if (this.#pouring) clearInterval(this.#pouring);
    this.#pouring = null;
    await this.#posting;
  }

  close(): void {
    if (this.#pouring) clearInterval(this.#pouring);
    this.#pouring = null;
    for (const { device } of this.someone) device.close();
  }

  #begin(by: string, channelId: string): Sending {
    const sending: Sending = { by, channelId, id: newId(), sentAt: performance.now(), outcome: { kind: 'unknown' } };
    this.sendings.push(sending);
    return sending;
  }

  #follow(sending: Sending, sent: Promise<{ readonly seq: number }>): void {
    const settle = (outcome: Outcome) => {
      sending.outcome = outcome;
    };
    const followed = sent.then(
      ({ seq }) => settle({ kind: 'acked', at: performance.now(), seq }),
      (error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        settle({ kind: 'rejected', code: error.code });
      },
    );
    this.#underWay.add(followed);
    void followed.finally(() => this.#underWay.delete(followed));
  }

  /** By REST nothing repeats a request: after an unknown outcome the same id is posted again. */
  async #postOnAndOn({ name, device }: Someone): Promise<void> {
    while (this.#pouring) {
      const sending = this.#begin(`${name} by REST`, this.#options.chance.pick(this.channelIds));
      const { id, channelId } = sending;
      const posted = untilKnown(() =>
        device.client.rest.postMessage({ params: { id: channelId }, body: { id, body: `message ${id} by REST` } }),
      );
      this.#follow(sending, posted);
      await posted.catch(() => undefined);
    }
  }

  async #history(): Promise<History> {
    const logs = await Promise.all(
      this.#options.nodes.flatMap(({ name, url }) =>
        this.channelIds.map(async (channelId) => {
          return { node: name, channelId, entries: await wholeLog(url, this.auditor, channelId) };
        }),
      ),
    );
    const readings = this.someone.flatMap(({ name, device }) =>
      this.channelIds.map((channelId) => {
        // Those who were there before the channel were told of its head when they were added.
        const entries = device.heardOf(channelId);
        const from = device.startedAt.get(channelId) ?? headWhenAdded(device, channelId);
        return { by: name, userId: device.user.id, channelId, from, entries };
      }),
    );
    return { sendings: this.sendings, readings, logs, stored: await this.#options.stored(this.channelIds) };
  }
}

async function aSomeone(name: string, url: string): Promise<Someone> {
  let client: Client | undefined;
  const witness = wireWitness(() => client);
  const device = await openDevice({ url, backoff: BACKOFF, WebSocket: witnessed(witness) });
  client = device.client;
  const givenAt = new Map<string, number>();
  const watch = async () => {
    for await (const { id } of device.client.messages()) givenAt.set(id, performance.now());
  };
  void watch().catch((_: Failure) => undefined);
  return { name, device, givenAt, witness };
}

/** A WebSocket on which somebody looks at each frame before the client does. */
function witnessed(witness: WireWitness): typeof WebSocket {
  return class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      const look = witness.watch();
      this.addEventListener('message', ({ data }) => look(String(data)));
    }
  };
}

function headWhenAdded({ heard, user }: Device, channelId: string): number {
  for (const { event, stream } of heard) {
    if (stream === user.id && event.type === 'membership.added' && event.channel.id === channelId) {
      return event.channel.head;
    }
  }
  throw new Error(`${user.username} was never told of ${channelId}.`);
}

async function untilKnown<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Failure) || error.remedy !== 'retry') throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A channel's whole log, as one node tells it. */
export async function wholeLog(url: string, { accessToken }: Person, channelId: string): Promise<Entry[]> {
  const log: Entry[] = [];
  for (;;) {
    const path = `/channels/${channelId}/log?after=${log.at(-1)?.seq ?? 0}&limit=500`;
    const { status, body } = await requestJson(url, 'GET', path, undefined, accessToken);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    log.push(...body.entries);
    if (log.length >= body.head || body.entries.length === 0) return log;
  }
}
