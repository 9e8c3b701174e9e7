import type { Duplex } from 'node:stream';
import { type CloseCode, CLOSES, type DownFrame, Failure, fail, type Hello, type UpFrame } from '@parley/protocol';
import type { RawData, WebSocket } from 'ws';
import { authenticate, type SignedInActor } from '../actions/authenticate.ts';
import type { Services } from '../actions/services.ts';
import { frameOf, PING } from '../delivery/frames.ts';
import type { Hub } from '../delivery/hub.ts';
import { Session, type Transport } from '../delivery/session.ts';
import type { Limit } from '../throttle/throttle.ts';
import { type Command, carryOut } from './commands.ts';
import { failFrame } from './fail-frame.ts';
import { FloodGate } from './flood-gate.ts';
import { parseFrame, type RawFrame, readJson } from './parse-frame.ts';
import { SocketWriter, type WriteSchedule } from './socket-writer.ts';

/** What a connection is at: nothing can be sent before it is open, and nothing after it is closed. */
type State =
  | { readonly kind: 'awaiting-hello' }
  | { readonly kind: 'opening'; readonly opened: Promise<void> }
  | { readonly kind: 'open'; readonly session: Session; readonly tokenExpiresAt: number }
  | { readonly kind: 'closed' };

/** How long an open connection outlives its access token, so that a renewal on its way is not too late. */
const TOKEN_GRACE_MS = 60_000;

export interface ConnectionContext {
  readonly services: Services;
  readonly hub: Hub;
  readonly schedule: WriteSchedule;
  readonly flood: Limit | null;
}

export interface Peer {
  readonly webSocket: WebSocket;
  /** The socket below, to which ready-made frames are written. */
  readonly socket: Duplex;
  readonly address: string;
  /** The bearer token of the upgrade request, for clients that can set headers. */
  readonly bearer: string | null;
}

/** One WebSocket from its upgrade to its close. */
export class Connection implements Transport {
  readonly #context: ConnectionContext;
  readonly #peer: Peer;
  readonly #writer: SocketWriter;
  readonly #floodGate: FloodGate;
  readonly #onClosed: () => void;
  #state: State = { kind: 'awaiting-hello' };
  #closeCode: number | null = null;
  #heard = true;
  #commandsUnderWay = 0;

  constructor(context: ConnectionContext, peer: Peer, onClosed: () => void) {
    this.#context = context;
    this.#peer = peer;
    this.#onClosed = onClosed;
    this.#writer = new SocketWriter(peer.socket, context.schedule, () => this.close(4408));
    this.#floodGate = new FloodGate(context.flood, context.services.clock.monotonic());
    const { webSocket } = peer;
    webSocket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    webSocket.on('pong', () => (this.#heard = true));
    // ws closes the connection with the fitting code by itself: 1002, 1007 or 1009.
    webSocket.on('error', () => {});
    webSocket.on('close', (code) => this.#closed(code));
  }

  get isAwaitingHello(): boolean {
    return this.#state.kind === 'awaiting-hello' || this.#state.kind === 'opening';
  }

  /** Whether commands have been received that are not answered yet. */
  get isBusy(): boolean {
    return this.#commandsUnderWay > 0;
  }

  /** Comes round once a heartbeat: sees whether the peer lives, tells it the heads, ends what has run out. */
  beat(): void {
    if (this.#state.kind !== 'open') return;
    if (!this.#heard) return this.#peer.webSocket.terminate();
    if (this.#context.services.clock.now() > this.#state.tokenExpiresAt + TOKEN_GRACE_MS) return this.close(4401);
    this.#heard = false;
    this.#writer.write(PING);
    this.#send({ type: 'beat', heads: this.#state.session.takeMovedHeads() });
  }

  /** Ends the connection: what has been written still goes out, nothing more is received. */
  close(code: CloseCode, reason: string = CLOSES[code].name): void {
    if (this.#closeCode !== null) return;
    this.#closeCode = code;
    if (this.#state.kind === 'open') this.#state.session.end();
    this.#writer.flush();
    this.#writer.close();
    this.#peer.webSocket.close(code, reason);
  }

  terminate(): void {
    this.#peer.webSocket.terminate();
  }

  write(chunk: Buffer): void {
    this.#writer.write(chunk);
  }

  drained(): Promise<boolean> {
    return this.#writer.drained();
  }

  sessionEnded(): void {
    this.close(4403);
  }

  failed(error: unknown): void {
    this.#context.services.logger.warn({ err: error }, 'a connection could not be served');
    this.close(1012, JSON.stringify({ retryAfterMs: 1_000 }));
  }

  gapFound(stream: string): void {
    this.#context.services.metrics.gaps.inc();
    this.#context.services.logger.error({ stream }, 'an entry was about to be sent out of order');
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#heard = true;
    if (this.#closeCode !== null) return;
    if (!this.#floodGate.pass(this.#context.services.clock.monotonic())) {
      return this.close(4429, JSON.stringify({ retryAfterMs: this.#context.flood?.windowMs ?? 0 }));
    }
    let raw: RawFrame = { ref: null, value: null };
    try {
      if (isBinary) throw fail('binary_frame');
      raw = readJson(data as Buffer);
      this.#dispatch(parseFrame(raw));
    } catch (error) {
      this.#refuse(raw.ref, error);
      if (this.#state.kind === 'awaiting-hello') this.close(4400);
    }
  }

  #dispatch(frame: UpFrame): void {
    const state = this.#state;
    if (frame.type === 'hello') {
      if (state.kind !== 'awaiting-hello') throw fail('already_signed_in');
      this.#state = { kind: 'opening', opened: this.#open(frame) };
    } else if (state.kind === 'awaiting-hello') {
      this.#refuse(frame.ref, fail('not_authenticated'));
      this.#deny('no hello came first');
    } else if (frame.type === 'ping') {
      this.#send({ type: 'pong', ref: frame.ref });
    } else {
      void this.#answer(frame);
    }
  }

  async #open(hello: Hello): Promise<void> {
    const { services, hub } = this.#context;
    let session: Session | undefined;
    try {
      const token = hello.token ?? this.#peer.bearer;
      if (token === null) throw fail('not_authenticated');
      const actor = await authenticate(services, token);
      session = new Session(actor, this, hub, services.store);
      const { epoch, heads, reset } = await session.open(hello);
      if (this.#closeCode !== null || this.#state.kind === 'closed') return session.end();
      this.#state = { kind: 'open', session, tokenExpiresAt: actor.expiresAt };
      this.#welcomed(actor);
      const { userId, sessionId } = actor;
      this.#send({ type: 'welcome', ref: hello.ref, userId, sessionId, epoch, heads });
      if (reset) this.#send({ type: 'reset', epoch });
    } catch (error) {
      session?.end();
      this.#refuse(hello.ref, error);
      return this.#deny(error instanceof Failure ? error.code : 'internal', closeFor(error));
    }
    void session.start();
  }

  #welcomed({ username }: SignedInActor): void {
    const { apiLog, metrics } = this.#context.services;
    metrics.connections.inc();
    apiLog.info('WS CONNECTION ACCEPTED', `User ${username} connected from ${this.#peer.address}.`);
  }

  #deny(reason: string, code: CloseCode = 4401): void {
    const { apiLog } = this.#context.services;
    apiLog.warning(`WS CONNECTION DENIED (${code})`, `${reason}, from ${this.#peer.address}.`);
    this.close(code);
  }

  /** No valid hello came in time. */
  timeOut(): void {
    if (this.#closeCode === null) this.#deny('no hello came in time');
  }

  async #answer(frame: Command | Extract<UpFrame, { type: 'auth' }>): Promise<void> {
    this.#commandsUnderWay += 1;
    try {
      if (this.#state.kind === 'opening') await this.#state.opened;
      const state = this.#state;
      if (state.kind !== 'open') return;
      if (frame.type === 'auth') await this.#renew(frame.token, state.session);
      else this.#send(await carryOut(this.#context.services, state.session.actor, frame));
      if (frame.type === 'auth') this.#send({ type: 'ok', ref: frame.ref });
    } catch (error) {
      this.#refuse(frame.ref, error);
    } finally {
      this.#commandsUnderWay -= 1;
    }
  }

  async #renew(token: string, session: Session): Promise<void> {
    const actor = await authenticate(this.#context.services, token);
    if (actor.sessionId !== session.actor.sessionId) throw fail('invalid_token', 'The token is of another session.');
    if (this.#state.kind === 'open') this.#state = { ...this.#state, tokenExpiresAt: actor.expiresAt };
  }

  #refuse(ref: number | null, error: unknown): void {
    const { logger, metrics } = this.#context.services;
    const failure = error instanceof Failure ? error : fail('internal');
    if (failure !== error) logger.error({ err: error }, 'a frame could not be carried out');
    metrics.framesRefused.inc({ code: failure.code });
    this.#send(failFrame(ref, failure.code, failure.details));
  }

  #send(frame: DownFrame): void {
    this.#writer.write(frameOf(frame));
  }

  #closed(code: number): void {
    const { apiLog, metrics } = this.#context.services;
    const state = this.#state;
    this.#state = { kind: 'closed' };
    this.#writer.close();
    const told = this.#closeCode ?? code;
    metrics.socketsClosed.inc({ code: String(told) });
    if (state.kind === 'open') {
      state.session.end();
      metrics.connections.dec();
      apiLog.info('WS DISCONNECTED', `User ${state.session.actor.username} with code ${told}.`);
    }
    this.#onClosed();
  }
}

function closeFor(error: unknown): CloseCode {
  if (!(error instanceof Failure) || error.remedy === 'retry') return 1012;
  return error.code === 'session_ended' ? 4403 : 4401;
}
