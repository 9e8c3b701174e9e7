import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, Failure, newId } from '@parley/protocol';
import { expect, vi } from 'vitest';
import { startTestServer, type TestServer } from '../../../server/src/test/test-server.ts';
import type { Ack } from '../types.ts';
import { type Device, expectHeardLog, expectUpToDate, openDevice, wholeLog } from './device.ts';
import { type Direction, type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import { hastyTiming } from './hasty-timing.ts';
import { MovingClock } from './moving-clock.ts';
import { type WireWitness, wireWitness } from './wire-witness.ts';

/** What may happen: to a device's messages, to its network, to a membership, or to the server. */
export type Step =
  | { readonly kind: 'send'; readonly device: number; readonly channel: number; readonly count: number }
  | { readonly kind: 'read' | 'load-older'; readonly device: number; readonly channel: number }
  | { readonly kind: 'away' | 'back'; readonly device: number }
  | { readonly kind: 'cut' | 'refuse' | 'heal'; readonly device: number }
  | { readonly kind: 'cut-after'; readonly device: number; readonly direction: Direction; readonly bytes: number }
  | { readonly kind: 'stall'; readonly device: number; readonly direction: Direction }
  | { readonly kind: 'delay'; readonly device: number; readonly millis: number }
  | { readonly kind: 'add' | 'remove' | 'join' | 'leave'; readonly guest: number; readonly channel: number }
  | { readonly kind: 'pass'; readonly millis: number }
  | { readonly kind: 'tokens-run-out' }
  | { readonly kind: 'restart' };

/** Four devices: two of the channels' owner and one of each of two guests. */
export const DEVICES = 4;
export const GUESTS = 2;
export const CHANNELS = 2;

const HASTE = 10;
const TOKEN_LIFE_MS = 10_000;
/** The server takes a token for a moment longer, for the sake of other clocks. */
const RUN_OUT_MS = TOKEN_LIFE_MS + 6_000;
const ENV = {
  PARLEY_ACCESS_TOKEN_TTL: `${TOKEN_LIFE_MS / 1_000}s`,
  PARLEY_THROTTLE_MESSAGES: '20/500ms',
  PARLEY_FLOOD: 'off',
};

/** How long it may take until everything is well again. */
const PATIENCE = { timeout: 15_000, interval: 5 };

interface Sent {
  readonly id: string;
  readonly device: number;
  readonly channelId: string;
  /** Moments, counted: what was acknowledged at 5 came before what was sent at 6. */
  readonly sentAt: number;
  ackedAt: number;
  outcome: Ack | Failure | null;
}

/** A server and devices around it, each behind a network of its own, to which anything may happen. */
export async function stormyWorld() {
  const folder = mkdtempSync(join(tmpdir(), 'parley-storm-'));
  const clock = new MovingClock();
  let server: TestServer = await startTestServer({ folder, clock, env: ENV });
  const proxies: FaultyProxy[] = [];
  const devices: Device[] = [];
  const witnesses: WireWitness[] = [];
  const watches: SignInWatch[] = [];
  const sent: Sent[] = [];
  const underWay = new Set<Promise<unknown>>();
  let moment = 0;

  async function open(username?: string): Promise<Device> {
    const place = proxies.length;
    const witness = wireWitness(() => devices[place]?.client);
    const proxy = await startFaultyProxy(server.url, witness.watch);
    witnesses.push(witness);
    proxies.push(proxy);
    const device = await openDevice({ url: proxy.url, timing: hastyTiming(HASTE), ...(username && { username }) });
    devices.push(device);
    watches.push(staySignedIn(device));
    return device;
  }

  const owner = await open();
  await open(owner.user.username);
  const guests = [await open(), await open()] as const;
  const channels = await Promise.all(
    Array.from({ length: CHANNELS }, () =>
      owner.client.rest.createChannel({
        body: { name: newId(), kind: 'public', members: guests.map(({ user }) => user.username) },
      }),
    ),
  );
  for (const device of devices) await expectUpToDate(device);

  function track(asked: Promise<unknown>): void {
    underWay.add(asked);
    void asked.finally(() => underWay.delete(asked));
  }

  function send(place: number, channelId: string): void {
    const id = newId();
    const message: Sent = { id, device: place, channelId, sentAt: moment++, ackedAt: Number.NaN, outcome: null };
    sent.push(message);
    const settle = (outcome: Ack | Failure) => {
      message.outcome = outcome;
      message.ackedAt = moment++;
    };
    const { client } = devices[place] as Device;
    track(client.send(channelId, `${place}: ${id}`, { id }).then(settle, settle));
  }

  function goAway(place: number): void {
    if (!watches[place]?.isTrying) devices[place]?.client.disconnect();
  }

  function comeBack(place: number): void {
    const device = devices[place] as Device;
    if (watches[place]?.isTrying || device.client.getConnection().status !== 'offline') return;
    track(device.comeBack().catch(ignoreFailure));
  }

  async function restart(): Promise<void> {
    const closing = server.close();
    // A network that lets nothing through would hold up the close until the server gives up waiting.
    for (const proxy of proxies) proxy.cut();
    await expectNoGaps(server);
    await closing;
    server = await startTestServer({ folder, clock, env: ENV });
    for (const proxy of proxies) proxy.leadTo(server.url);
  }

  async function run(step: Step): Promise<void> {
    const channel = 'channel' in step ? (channels[step.channel] as { id: string }) : { id: '' };
    const params = { id: channel.id };
    const proxy = 'device' in step ? (proxies[step.device] as FaultyProxy) : undefined;
    const { client } = ('device' in step ? devices[step.device] : owner) as Device;
    const guest = ('guest' in step ? guests[step.guest] : owner) as Device;
    // What a removal or the weather makes impossible does not happen.
    const attempt = (asked: Promise<unknown>) => track(asked.catch(ignoreFailure));
    switch (step.kind) {
      case 'send':
        for (let count = 0; count < step.count; count += 1) send(step.device, channel.id);
        return;
      case 'read':
        return client.markRead(channel.id, client.getState()?.channels.get(channel.id)?.head ?? 0);
      case 'load-older':
        return attempt(client.loadOlder(channel.id));
      case 'away':
        return goAway(step.device);
      case 'back':
        return comeBack(step.device);
      case 'cut':
        return proxy?.cut();
      case 'cut-after':
        return proxy?.cutAfter(step.direction, step.bytes);
      case 'stall':
        return proxy?.stall(step.direction);
      case 'delay':
        return proxy?.delay(step.millis);
      case 'refuse':
        return proxy?.refuse();
      case 'heal':
        return proxy?.heal();
      case 'add':
        return attempt(client.rest.addMembers({ params, body: { usernames: [guest.user.username] } }));
      case 'remove':
        return attempt(client.rest.removeMember({ params: { ...params, userId: guest.user.id } }));
      case 'join':
        return attempt(guest.client.rest.joinChannel({ params }));
      case 'leave':
        return attempt(guest.client.rest.leaveChannel({ params }));
      case 'pass':
        return new Promise((resolve) => setTimeout(resolve, step.millis));
      case 'tokens-run-out':
        return clock.advance(RUN_OUT_MS);
      case 'restart':
        return restart();
    }
  }

  /** The weather clears up: everybody must come to know the same. */
  async function settle(): Promise<void> {
    for (const proxy of proxies) proxy.heal();
    for (const place of devices.keys()) comeBack(place);
    for (const { client } of devices) client.reconnectNow();
    await vi.waitFor(() => expect(sent.filter(({ outcome }) => outcome === null)).toEqual([]), PATIENCE);
    await vi.waitFor(() => expect(underWay.size).toBe(0), PATIENCE);
    for (const device of devices) await expectUpToDate(device, PATIENCE.timeout);
  }

  async function check(): Promise<void> {
    const logs = await Promise.all(channels.map(({ id }) => wholeLog(owner.client, id)));
    for (const log of logs) {
      expect(log.map(({ seq }) => seq)).toEqual(log.map((_, place) => place + 1));
      for (const device of devices) {
        expectHeardLog(device, log);
        expectTimeline(device, log);
      }
    }
    expect(witnesses.flatMap(({ violations }) => violations)).toEqual([]);
    expectOneTruth(devices, owner);
    expectSendsKept(sent, logs.flat());
    await expectNoGaps(server);
  }

  async function close(): Promise<void> {
    for (const watch of watches) watch.stop();
    for (const device of devices) device.close();
    for (const proxy of proxies) await proxy.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }

  return { run, settle, check, close };
}

interface SignInWatch {
  readonly isTrying: boolean;
  stop(): void;
}

/** A session may end for good: a spent token used again late looks like theft. Its owner then signs in again. */
function staySignedIn(device: Device): SignInWatch {
  const isSignedOut = () => device.client.getConnection().status === 'signed-out';
  let isTrying = false;
  async function tryUntilSignedIn(): Promise<void> {
    isTrying = true;
    while (isSignedOut()) await device.signInAgain().catch(ignoreFailure);
    isTrying = false;
  }
  const stop = device.client.subscribe(() => {
    if (isSignedOut() && !isTrying) void tryUntilSignedIn();
  });
  return {
    stop,
    get isTrying() {
      return isTrying;
    },
  };
}

function ignoreFailure(error: unknown): void {
  if (!(error instanceof Failure)) throw error;
}

async function expectNoGaps({ metrics }: TestServer): Promise<void> {
  const { values } = await metrics.gaps.get();
  expect(values.map(({ value }) => value)).toEqual([0]);
}

/** A loaded timeline is an unbroken run of the log's messages, up to its end. */
function expectTimeline({ client }: Device, log: readonly Entry[]): void {
  const timeline = client.getState()?.timelines.get(log[0]?.stream ?? '');
  if (timeline === undefined) return;
  const messages = messagesOf(log);
  const from = messages.length - timeline.messages.length;
  expect(timeline).toEqual({ messages: messages.slice(from), complete: from === 0 });
}

/** What concerns everybody, and what concerns one person, all their devices heard in the same words. */
function expectOneTruth(devices: readonly Device[], owner: Device): void {
  for (const stream of ['workspace', owner.user.id]) {
    const listeners = devices.filter((device) => device.startedAt.has(stream));
    const since = Math.max(...listeners.map((device) => device.startedAt.get(stream) ?? 0));
    for (const device of listeners) {
      const heard = device.heardOf(stream);
      const started = device.startedAt.get(stream) ?? 0;
      expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, place) => started + place + 1));
      const common = (other: Device) => other.heardOf(stream).filter(({ seq }) => seq > since);
      expect(common(device)).toEqual(common(listeners[0] as Device));
    }
  }
}

/** What was acknowledged stands in its place, what was refused nowhere, and the order of sending is kept. */
function expectSendsKept(sent: readonly Sent[], log: readonly Entry[]): void {
  const places = new Map(messagesOf(log).map(({ id, channelId, seq }) => [id, { id, channelId, seq }]));
  expect(places.size).toBe(messagesOf(log).length);
  const acked = sent.filter(({ outcome }) => outcome !== null && !(outcome instanceof Failure));
  for (const { id, outcome } of sent) {
    if (outcome instanceof Failure) {
      expect(outcome.code).toBe('not_a_member');
      expect(places.has(id)).toBe(false);
    } else expect(places.get(id)).toEqual(outcome);
  }
  for (const later of acked) {
    for (const earlier of acked) {
      if (earlier.channelId !== later.channelId || earlier.sentAt >= later.sentAt) continue;
      if (earlier.device !== later.device && earlier.ackedAt >= later.sentAt) continue;
      expect(places.get(earlier.id)?.seq).toBeLessThan(places.get(later.id)?.seq ?? 0);
    }
  }
}

function messagesOf(log: readonly Entry[]) {
  return log.flatMap(({ event }) => (event.type === 'message.posted' ? event.message : []));
}
