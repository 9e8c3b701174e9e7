import { EventEmitter, once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { type FrameFilter, filterFrames } from './frame-filter.ts';

/** `up` leads to the server, `down` back from it. */
export type Direction = 'up' | 'down';

/** A TCP proxy that treats its connections as badly as it is told to, those there are and those to come. */
export interface FaultyProxy {
  readonly url: string;
  /** New connections lead to this server. */
  leadTo(url: string): void;
  /** Ends every connection, wherever in a frame it stands. */
  cut(): void;
  /** Ends the connection on which that many bytes more have passed in that direction. */
  cutAfter(direction: Direction, bytes: number): void;
  /** Nothing passes in that direction until `heal`. */
  stall(direction: Direction): void;
  /** Every chunk takes so long. */
  delay(millis: number): void;
  /** New connections are ended at once, until `heal`. */
  refuse(): void;
  /** Takes back all of the above. */
  heal(): void;
  close(): Promise<void>;
}

interface Weather {
  readonly stalled: Set<Direction>;
  readonly cutAfter: Map<Direction, number>;
  delayMs: number;
  refusing: boolean;
}

/** Starts a proxy in front of a server. `filterOf` makes a filter of the server's frames for each connection. */
export async function startFaultyProxy(serverUrl: string, filterOf?: () => FrameFilter): Promise<FaultyProxy> {
  let target = new URL(serverUrl);
  const weather: Weather = { stalled: new Set(), cutAfter: new Map(), delayMs: 0, refusing: false };
  const healed = new EventEmitter().setMaxListeners(0);
  const sockets = new Set<Socket>();

  const server: Server = createServer((near) => {
    if (weather.refusing) {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    const cut = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    carry(near, far, 'up', weather, healed);
    carry(far, near, 'down', weather, healed, filterOf?.());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const heal = () => {
    weather.stalled.clear();
    weather.cutAfter.clear();
    weather.delayMs = 0;
    weather.refusing = false;
    healed.emit('healed');
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo(url) {
      target = new URL(url);
    },
    cut,
    cutAfter: (direction, bytes) => void weather.cutAfter.set(direction, bytes),
    stall: (direction) => void weather.stalled.add(direction),
    delay(millis) {
      weather.delayMs = millis;
    },
    refuse() {
      weather.refusing = true;
    },
    heal,
    async close() {
      server.close();
      heal();
      cut();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** Carries bytes one way, in order, whatever the weather. */
function carry(
  from: Socket,
  to: Socket,
  direction: Direction,
  weather: Weather,
  healed: EventEmitter,
  filter?: FrameFilter,
): void {
  const waiting: Buffer[] = [];
  const read = filter ? filterFrames(filter) : (chunk: Buffer) => [chunk];
  let carrying = false;

  async function carryAll(): Promise<void> {
    carrying = true;
    for (;;) {
      if (weather.stalled.has(direction)) await once(healed, 'healed');
      if (weather.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, weather.delayMs));
      const chunk = waiting.shift();
      if (chunk === undefined || to.destroyed) break;
      pass(chunk);
    }
    carrying = false;
  }

  function pass(chunk: Buffer): void {
    const left = weather.cutAfter.get(direction) ?? Number.POSITIVE_INFINITY;
    if (chunk.length < left) {
      if (left !== Number.POSITIVE_INFINITY) weather.cutAfter.set(direction, left - chunk.length);
      to.write(chunk);
      return;
    }
    weather.cutAfter.delete(direction);
    // The last bytes still arrive, and then nothing.
    to.end(chunk.subarray(0, left), () => {
      to.destroy();
      from.destroy();
    });
  }

  from.on('data', (chunk) => {
    waiting.push(...read(chunk));
    if (!carrying) void carryAll();
  });
}
