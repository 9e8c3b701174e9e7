import { join } from 'node:path';
import { SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import type { FanOutFloor, FloorCommands } from '../floors/fan-out-process.ts';
import type { LoadCommands } from '../load/commands.ts';
import type { FanOutResult } from '../load/crowd.ts';
import { observe, type Usage } from '../measure/bottleneck.ts';
import { type BenchWorker, startWorker } from './bench-worker.ts';
import { removeFolder, startParley } from './parley-server.ts';
import { createChannel, registerPeople } from './people.ts';

/** A server with one room in it and a load generator whose sockets are the room's members. */
export interface Room {
  /** Adds members until there are so many. */
  growTo(members: number): Promise<void>;
  fanOut(messages: number, inFlight: number): Promise<FanOutRound>;
  /** The payload of a delivery, byte for byte. */
  sampleDelivery(): Promise<string>;
  /** CPU that the server uses for doing nothing with these members: microseconds in a second. */
  idle(): Promise<number>;
  close(): Promise<void>;
}

export interface FanOutRound extends FanOutResult {
  readonly usage: Usage;
  readonly cpuMicrosPerDelivery: number;
  readonly deliveriesPerSecond: number;
}

/**
 * A password costs 150 ms of CPU by design, so members share accounts: each has a socket and a session state of its
 * own, and that is what fan-out costs.
 */
export const SOCKETS_PER_ACCOUNT = 200;

const GENERATOR = join(import.meta.dirname, '../load/generator-process.ts');
const FLOOR = join(import.meta.dirname, '../floors/fan-out-process.ts');
const NO_CHANNEL = '00000000-0000-7000-8000-000000000000';
const IDLE_MS = 1_000;

/** Parley with a private channel; `senders` people with one socket each write to it, the other members listen. */
export async function openParleyRoom(senders: number, mostMembers: number): Promise<Room> {
  const server = await startParley();
  const generator = startWorker<LoadCommands>(GENERATOR);
  const closeBoth = async () => {
    await Promise.all([server.stop(), generator.stop()]);
    removeFolder(server);
  };
  try {
    const writers = await registerPeople(server, 'writer', senders);
    const readers = await registerPeople(server, 'reader', Math.ceil((mostMembers - senders) / SOCKETS_PER_ACCOUNT));
    const [creator] = writers;
    if (!creator) throw new Error('A room needs a sender.');
    const channel = await createChannel(server, creator, 'bench', [...writers.slice(1), ...readers]);
    await generator.ask('aim', {
      port: server.port,
      path: SOCKET_PATH,
      subprotocol: SUBPROTOCOL,
      channelId: channel.id,
      senders,
    });
    const tokenOf = (member: number) =>
      (writers[member] ?? readers[(member - senders) % readers.length])?.accessToken ?? null;
    return roomOf({ server, generator, tokenOf, verify: true, close: closeBoth });
  } catch (error) {
    await closeBoth();
    throw error;
  }
}

/** The comparison: `ws` and a loop. Every message becomes `payload`, the very bytes that Parley delivers. */
export async function openFloorRoom(senders: number, payload: string, floor: FanOutFloor): Promise<Room> {
  const server = startWorker<FloorCommands>(FLOOR);
  const generator = startWorker<LoadCommands>(GENERATOR);
  const { port } = await server.ask('listen', { payload, floor });
  await generator.ask('aim', { port, path: '/', subprotocol: null, channelId: NO_CHANNEL, senders });
  const close = async () => {
    await Promise.all([server.stop(), generator.stop()]);
  };
  return roomOf({ server, generator, tokenOf: () => null, verify: false, close });
}

function roomOf({
  server,
  generator,
  tokenOf,
  verify,
  close,
}: {
  server: { readonly pid: number };
  generator: BenchWorker<LoadCommands>;
  tokenOf: (member: number) => string | null;
  verify: boolean;
  close: () => Promise<void>;
}): Room {
  const pids = { server: server.pid, generator: generator.pid };
  let size = 0;
  return {
    async growTo(members) {
      const tokens = Array.from({ length: members - size }, (_, offset) => tokenOf(size + offset));
      ({ members: size } = await generator.ask('gather', { tokens }));
    },
    async fanOut(messages, inFlight) {
      const { result, usage } = await observe(pids, () => generator.ask('fanOut', { messages, inFlight, verify }));
      const expected = messages * size;
      if (result.deliveries !== expected) {
        throw new Error(`${result.deliveries} deliveries arrived where ${expected} were due.`);
      }
      return {
        ...result,
        usage,
        cpuMicrosPerDelivery: usage.cpu.total / result.deliveries,
        deliveriesPerSecond: result.deliveries / result.seconds,
      };
    },
    sampleDelivery: () => generator.ask('sampleDelivery', null),
    async idle() {
      const { usage } = await observe(pids, () => new Promise((resolve) => setTimeout(resolve, IDLE_MS)));
      return usage.cpu.total / usage.seconds;
    },
    close,
  };
}
