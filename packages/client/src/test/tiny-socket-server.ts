import type { AddressInfo } from 'node:net';
import { newId, SUBPROTOCOL } from '@parley/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

export interface TinySocketServer {
  readonly url: string;
  readonly epoch: string;
  /** Every frame received so far. */
  readonly heard: Record<string, unknown>[];
  /** How many sockets have been opened so far. */
  readonly opened: () => number;
  /** Whether pings are answered. */
  answersPings: boolean;
  /** Whether hellos are welcomed. */
  welcomes: boolean;
  send(data: unknown): void;
  close(code: number, reason?: string): void;
  stop(): Promise<void>;
}

/** The least that can be called a server of the protocol: it greets, and otherwise does what the test says. */
export async function startTinySocketServer(): Promise<TinySocketServer> {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
  await new Promise((resolve) => sockets.once('listening', resolve));
  const epoch = newId();
  const heard: Record<string, unknown>[] = [];
  let current: WebSocket | undefined;
  let opened = 0;
  const server: TinySocketServer = {
    url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`,
    epoch,
    heard,
    opened: () => opened,
    answersPings: true,
    welcomes: true,
    send: (data) => current?.send(typeof data === 'string' ? data : JSON.stringify(data)),
    close: (code, reason) => current?.close(code, reason),
    stop() {
      for (const socket of sockets.clients) socket.terminate();
      return new Promise((resolve) => sockets.close(() => resolve()));
    },
  };
  sockets.on('connection', (socket) => {
    current = socket;
    opened += 1;
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Record<string, unknown>;
      heard.push(frame);
      const { type, ref } = frame;
      if (type === 'hello' && server.welcomes) {
        server.send({ type: 'welcome', ref, userId: newId(), sessionId: newId(), epoch, heads: {} });
      }
      if (type === 'ping' && server.answersPings) server.send({ type: 'pong', ref });
    });
  });
  return server;
}
