import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { serverTextFrame } from '../load/frames.ts';
import { serveRequests } from '../subjects/bench-worker.ts';

export interface FloorCommands {
  /** Listens on a free port of 127.0.0.1. `payload` is what every message becomes. */
  listen: { input: { payload: string; coalesce: boolean }; answer: { port: number } };
}

// The least that a WebSocket server in Node can do for a room: no sign-in, no storage, no order, no parsing. Whatever
// arrives becomes one frame, made once, and goes to every socket in a bare loop of writes.

serveRequests<FloorCommands>({
  async listen({ payload, coalesce }) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, maxPayload: 64 * 1024 });
    const sockets: Duplex[] = [];
    const broadcast = coalesce ? coalescing(sockets) : (frame: Buffer) => writeToAll(sockets, frame);
    server.on('connection', (socket, request) => {
      request.socket.setNoDelay(true);
      sockets.push(request.socket);
      socket.on('message', () => broadcast(serverTextFrame(Buffer.from(payload))));
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return { port: (server.address() as AddressInfo).port };
  },
});

function writeToAll(sockets: readonly Duplex[], bytes: Buffer): void {
  for (const socket of sockets) socket.write(bytes);
}

/** Frames of one turn of the event loop share one write per socket. */
function coalescing(sockets: readonly Duplex[]): (frame: Buffer) => void {
  let gathered: Buffer[] = [];
  return (frame) => {
    gathered.push(frame);
    if (gathered.length > 1) return;
    setImmediate(() => {
      const frames = gathered;
      gathered = [];
      writeToAll(sockets, Buffer.concat(frames));
    });
  };
}
