import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  ERRORS,
  type ErrorCode,
  MAX_FRAME_BYTES,
  newId,
  type Problem,
  SOCKET_PATH,
  SUBPROTOCOL,
} from '@parley/protocol';
import { type ServerOptions, WebSocketServer } from 'ws';
import { Connection, type ConnectionContext, type Peer } from './connection.ts';
import { HeartbeatWheel } from './heartbeat-wheel.ts';
import { SessionCheck } from './session-check.ts';

const HELLO_WITHIN_MS = 5_000;
const DRAIN_WITHIN_MS = 6_000;
/** So long before that, connections whose commands are still not answered are closed all the same. */
const CLOSE_ANYWAY_MS = 2_000;
/** Clients come back spread over this long after a restart, so that they do not all come at once. */
const RETURN_SPREAD_MS = 2_000;
/** How long a peer has to read what waits for it and answer our close, before it is cut off. */
const CLOSE_WITHIN_MS = 10_000;
/** Clients send frames whole; proxies may cut them, but not into more pieces than this. */
const MOST_FRAGMENTS = 128;

// The types do not know `closeTimeout` yet.
const WEB_SOCKETS: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true,
  maxPayload: MAX_FRAME_BYTES,
  maxFragments: MOST_FRAGMENTS,
  closeTimeout: CLOSE_WITHIN_MS,
  perMessageDeflate: false,
  clientTracking: false,
  handleProtocols: () => SUBPROTOCOL,
};

export interface SocketServerOptions extends ConnectionContext {
  readonly heartbeatMs: number;
  /** Whether pages of this origin may connect. Clients that send none are no browsers, and bring their own token. */
  readonly isOriginAllowed: (origin: string, request: IncomingMessage) => boolean;
  readonly addressOf: (request: IncomingMessage) => string;
}

/** Takes WebSocket upgrades and keeps their connections. */
export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #connections = new Set<Connection>();
  /** Connections that have not said hello yet, with the moment by which they must, in order. */
  readonly #strangers = new Map<Connection, number>();
  readonly #wheel: HeartbeatWheel<Connection>;
  readonly #sessionCheck: SessionCheck;
  readonly #strangerTimer: NodeJS.Timeout;
  readonly #webSockets = new WebSocketServer(WEB_SOCKETS);
  #draining = false;

  constructor(options: SocketServerOptions) {
    this.#options = options;
    this.#wheel = new HeartbeatWheel(options.heartbeatMs, (connections) => {
      for (const connection of connections) connection.beat();
    });
    this.#sessionCheck = new SessionCheck(options.services);
    this.#strangerTimer = setInterval(() => this.#dismissStrangers(), 500);
    this.#strangerTimer.unref();
  }

  /** For the `upgrade` event of the HTTP server. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#refusal(request);
    if (refusal) return this.#refuse(request, socket, refusal);
    const from = { address: this.#options.addressOf(request), bearer: bearerOf(request) };
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#admit({ webSocket, socket, ...from }));
  }

  // A connection lives for days: nothing in here may hold on to the request, which is 2 KB.
  #admit(peer: Peer): void {
    const connection: Connection = new Connection(this.#options, peer, () => {
      this.#connections.delete(connection);
      this.#strangers.delete(connection);
      leaveWheel();
      leaveCheck();
    });
    const leaveWheel = this.#wheel.add(connection);
    const leaveCheck = this.#sessionCheck.add(connection);
    this.#connections.add(connection);
    this.#strangers.set(connection, this.#now() + HELLO_WITHIN_MS);
  }

  /** Closes the connections whose session has ended. @throws where the database does not answer */
  checkSessions(): Promise<void> {
    return this.#sessionCheck.check(this.#connections);
  }

  /**
   * Takes no more connections, lets what was received be answered, and closes all with 1012 and a jittered hint when
   * to come back. Those that do not answer the close are cut off. At most 6 s.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    clearInterval(this.#strangerTimer);
    this.#wheel.stop();
    this.#sessionCheck.stop();
    const deadline = this.#now() + DRAIN_WITHIN_MS;
    for (const connection of this.#connections) connection.finish(returnHint());
    await this.#until(() => this.#connections.size === 0, deadline - CLOSE_ANYWAY_MS);
    for (const connection of this.#connections) connection.close(1012, returnHint());
    await this.#until(() => this.#connections.size === 0, deadline);
    for (const connection of this.#connections) connection.terminate();
  }

  #refusal(request: IncomingMessage): ErrorCode | null {
    if (request.url?.split('?', 1)[0] !== SOCKET_PATH) return 'not_found';
    if (this.#draining) return 'unavailable';
    const { origin } = request.headers;
    if (origin !== undefined && !this.#options.isOriginAllowed(origin, request)) return 'origin_refused';
    const offered = request.headers['sec-websocket-protocol'];
    if (offered !== undefined && !offered.split(',').some((name) => name.trim() === SUBPROTOCOL)) {
      return 'unsupported_subprotocol';
    }
    return null;
  }

  #refuse(request: IncomingMessage, socket: Duplex, code: ErrorCode): void {
    const from = this.#options.addressOf(request);
    this.#options.services.apiLog.warning(`WS CONNECTION DENIED (${ERRORS[code].status})`, `${code}, from ${from}.`);
    answerProblem(socket, code);
  }

  #dismissStrangers(): void {
    const now = this.#now();
    for (const [connection, deadline] of this.#strangers) {
      if (!connection.isAwaitingHello) this.#strangers.delete(connection);
      else if (deadline <= now) connection.timeOut();
      else break;
    }
  }

  async #until(isSo: () => boolean, deadline: number): Promise<void> {
    while (!isSo() && this.#now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  #now(): number {
    return this.#options.services.clock.monotonic();
  }
}

function bearerOf({ headers }: IncomingMessage): string | null {
  return /^Bearer ([^\s]{1,4096})$/.exec(headers.authorization ?? '')?.[1] ?? null;
}

function returnHint(): string {
  return JSON.stringify({ retryAfterMs: Math.round(Math.random() * RETURN_SPREAD_MS) });
}

/** Answers the request with a problem, as the REST door would, and ends the connection. */
function answerProblem(socket: Duplex, code: ErrorCode): void {
  const { status, title } = ERRORS[code];
  const problem: Problem = { type: `urn:parley:problem:${code}`, title, status, code, requestId: newId() };
  const body = JSON.stringify(problem);
  socket.on('error', () => socket.destroy());
  // The other end may never close its side: it would stay open for ever.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n` +
      `X-Request-Id: ${problem.requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}
