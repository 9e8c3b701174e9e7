import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import * as ws from 'ws';
import { serverTextFrame } from '../load/frames.ts';
import { serveRequests } from '../subjects/bench-worker.ts';

/**
 * What the server does with a message:
 * - `ws`: makes one frame of it, as ws makes frames, and has ws send it to every client.
 * - `sockets`: writes the frame to every socket itself, past ws.
 * - `coalesced`: as `sockets`, once a turn of the event loop, with all frames of that turn.
 * - `stored`: as `ws`, when a thread has stored the message by a commit of its own.
 */
export type FanOutFloor = 'ws' | 'sockets' | 'coalesced' | 'stored';

export interface FloorCommands {
  /** Listens on a free port of 127.0.0.1. `payload` is what every message becomes. */
  listen: { input: { payload: string; floor: FanOutFloor }; answer: { port: number } };
}

interface Client {
  readonly socket: Duplex;
  send(frame: readonly Buffer[]): void;
}

// The least that a WebSocket server in Node can do for a room: no sign-in, no order, no parsing.

serveRequests<FloorCommands>({
  async listen({ payload, floor }) {
    const server = new ws.WebSocketServer({
      ...{ port: 0, host: '127.0.0.1', perMessageDeflate: false, maxPayload: 64 * 1024 },
    });
    const clients: Client[] = [];
    const broadcast = BROADCASTS[floor](clients, payload);
    server.on('connection', (webSocket, { socket }) => {
      socket.setNoDelay(true);
      clients.push({ socket, send: senderOf(webSocket) });
      webSocket.on('message', broadcast);
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return { port: (server.address() as AddressInfo).port };
  },
});

const BROADCASTS: Readonly<Record<FanOutFloor, (clients: readonly Client[], payload: string) => () => void>> = {
  ws: (clients, payload) => () => sendToAll(clients, framedByWs(payload)),
  sockets: (clients, payload) => () => writeToAll(clients, serverTextFrame(Buffer.from(payload))),
  coalesced(clients, payload) {
    let gathered: Buffer[] = [];
    return () => {
      gathered.push(serverTextFrame(Buffer.from(payload)));
      if (gathered.length > 1) return;
      setImmediate(() => {
        const frames = gathered;
        gathered = [];
        writeToAll(clients, Buffer.concat(frames));
      });
    };
  },
  stored(clients, payload) {
    const folder = mkdtempSync(join(tmpdir(), 'parley-floor-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'floor.db');
    const thread = new Worker(new URL('./store-thread.ts', import.meta.url), { workerData: path });
    thread.on('message', () => sendToAll(clients, framedByWs(payload)));
    return () => thread.postMessage(payload);
  },
};

function writeToAll(clients: readonly Client[], bytes: Buffer): void {
  for (const { socket } of clients) socket.write(bytes);
}

function sendToAll(clients: readonly Client[], frame: readonly Buffer[]): void {
  for (const client of clients) client.send(frame);
}

// ws exposes its framing and its sender, though not in its types: so a frame can be made once for all clients.

const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: object): Buffer[] } };
const TEXT = { fin: true, opcode: 1, mask: false, rsv1: false, readOnly: true };

function framedByWs(payload: string): Buffer[] {
  return Sender.frame(Buffer.from(payload), TEXT);
}

function senderOf(webSocket: ws.WebSocket): Client['send'] {
  const { _sender } = webSocket as unknown as { _sender: { sendFrame(frame: readonly Buffer[]): void } };
  return (frame) => _sender.sendFrame(frame);
}
