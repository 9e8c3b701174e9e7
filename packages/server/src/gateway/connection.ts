import type { Duplex } from 'node:stream';
import {
  CLOSES,
  type CloseCode,
  type DownFrame,
  type ErrorCode,
  Failure,
  fail,
  type Hello,
  type Ok,
  type UpFrame,
} from '@parley/protocol';
import type { RawData, WebSocket } from 'ws';
import { authenticate, confirmSession, type SignedInActor } from '../actions/authenticate.ts';
import type { Services } from '../actions/services.ts';
import { visiblePeople } from '../actions/visible-people.ts';
import type { Attendance, Stay } from '../delivery/attendance.ts';
import { frameOf, PING } from '../delivery/frames.ts';
import type { Hub } from '../delivery/hub.ts';
import type { PresenceBoard, Watcher } from '../delivery/presence-board.ts';
import { Session, type Transport } from '../delivery/session.ts';
import type { Sink, Turn } from '../delivery/turn.ts';
import type { WakeGuard } from '../delivery/wake-guard.ts';
import type { Limit } from '../throttle/throttle.ts';
import { closeFor, closeOf, departureBy } from './close-codes.ts';
import { carryOut } from './commands.ts';
import { failFrame } from './fail-frame.ts';
import { FloodGate } from './flood-gate.ts';
import { parseFrame, type RawFrame, readJson } from './parse-frame.ts';
import { SocketWriter } from './socket-writer.ts';

/** What a connection is at: nothing can be sent before it is open, and nothing after it is closed. */
type State =
  | { readonly kind: 'awaiting-hello' }
  | { readonly kind: 'opening'; readonly opened: Promise<void> }
  | Open
  | { readonly kind: 'closed' };

interface Open {
  readonly kind: 'open';
  readonly session: Session;
  readonly stay: Stay;
  /** When it is closed unless its token is renewed, monotonic: a clock that is set closes nothing. */
  readonly closeAt: number;
}

/** What is answered once the connection is open. */
type Request = Exclude<UpFrame, { type: 'hello' | 'ping' }>;

/** How long an open connection outlives its access token, so that a renewal on its way is not too late. */
const TOKEN_GRACE_MS = 60_000;

export interface ConnectionContext {
  readonly services: Services;
  readonly hub: Hub;
  readonly turn: Turn;
  readonly attendance: Attendance;
  readonly board: PresenceBoard;
  readonly flood: Limit | null;
  readonly wakeGuard: Pick<WakeGuard, 'isHolding' | 'released'>;
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
export class Connection implements Transport, Watcher {
  readonly #context: ConnectionContext;
  readonly #peer: Peer;
  readonly #writer: SocketWriter;
  readonly #floodGate: FloodGate;
  readonly #onClosed: () => void;
  #state: State = { kind: 'awaiting-hello' };
  #closeCode: number | null = null;
  #heard = true;
  #commandsUnderWay = 0;
  /** What to close with once all commands are answered: no more of them are taken. */
  #farewell: string | null = null;

  constructor(context: ConnectionContext, peer: Peer, onClosed: () => void) {
    this.#context = context;
    this.#peer = peer;
    this.#onClosed = onClosed;
    this.#writer = new SocketWriter(peer.socket, context.turn, () => this.tooSlow());
    this.#floodGate = new FloodGate(context.flood, context.services.clock.monotonic());
    const { webSocket } = peer;
    webSocket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // ws answers pings by itself, and cuts off whoever sends many without reading the answers.
    webSocket.on('ping', () => this.#letIn());
    webSocket.on('pong', () => this.#letIn());
    webSocket.on('error', (error) => this.#broken(error));
    webSocket.on('close', (code) => this.#closed(code));
  }

  /** Null while nobody is signed in. */
  get sessionId(): string | null {
    return this.#state.kind === 'open' ? this.#state.session.actor.sessionId : null;
  }

  get isAwaitingHello(): boolean {
    return this.#state.kind === 'awaiting-hello' || this.#state.kind === 'opening';
  }

  /** Comes round once a heartbeat: sees whether the peer lives, tells it the heads, ends what has run out. */
  beat(): void {
    if (this.#state.kind !== 'open') return;
    if (!this.#heard) return this.#peer.webSocket.terminate();
    if (this.#context.services.clock.monotonic() > this.#state.closeAt) return this.close(4401);
    this.#heard = false;
    this.#writer.write(PING);
    this.#send({ type: 'beat', heads: this.#state.session.takeMovedHeads() });
  }

  /** Ends the connection: what has been written still goes out, nothing more is received. */
  close(code: CloseCode, reason: string = CLOSES[code].name): void {
    if (this.#closeCode !== null) return;
    this.#closeCode = code;
    this.#leave(code);
    this.#writer.flush();
    this.#writer.close();
    this.#peer.webSocket.close(code, reason);
  }

  /** Takes no more commands, answers those under way, and then closes because the server restarts. */
  finish(reason: string): void {
    this.#farewell = reason;
    if (this.#commandsUnderWay === 0) this.close(1012, reason);
  }

  terminate(): void {
    this.#peer.webSocket.terminate();
  }

  get sink(): Sink {
    return this.#writer;
  }

  get hasBacklog(): boolean {
    return this.#writer.hasBacklog;
  }

  drained(): Promise<boolean> {
    return this.#writer.drained();
  }

  sessionEnded(): void {
    this.close(4403);
  }

  tooSlow(): void {
    this.close(4408);
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
    if (!this.#letIn()) return;
    let raw: RawFrame = { ref: null, value: null };
    try {
      if (isBinary) throw fail('binary_frame');
      raw = readJson(data as Buffer);
      this.#dispatch(parseFrame(raw));
    } catch (error) {
      const code = this.#refuse(raw.ref, error);
      if (this.#state.kind === 'awaiting-hello') this.#deny(code, 4400);
    }
  }

  /** Whether a frame that has come is to be looked at. Control frames count as any other. */
  #letIn(): boolean {
    this.#heard = true;
    if (this.#closeCode !== null || this.#farewell !== null) return false;
    if (this.#floodGate.pass(this.#context.services.clock.monotonic())) return true;
    this.close(4429, JSON.stringify({ retryAfterMs: this.#context.flood?.windowMs ?? 0 }));
    return false;
  }

  #dispatch(frame: UpFrame): void {
    const state = this.#state;
    if (frame.type === 'hello') {
      if (state.kind !== 'awaiting-hello') throw fail('already_signed_in');
      this.#state = { kind: 'opening', opened: this.#open(frame) };
    } else if (state.kind === 'awaiting-hello') {
      this.#deny(this.#refuse(frame.ref, fail('not_authenticated')));
    } else if (frame.type === 'ping') {
      this.#send({ type: 'pong', ref: frame.ref });
    } else {
      void this.#answer(frame);
    }
  }

  async #open(hello: Hello): Promise<void> {
    const { services, hub, attendance } = this.#context;
    let session: Session | undefined;
    try {
      const token = hello.token ?? this.#peer.bearer;
      if (token === null) throw fail('not_authenticated');
      const actor = await authenticate(services, token);
      session = new Session(actor, this, hub, services.store);
      const { epoch, heads, reset } = await session.open(hello);
      // Only now is its end heard of: whoever signed out while it was being opened is found out here (rule A2).
      await confirmSession(services, actor);
      if (this.#closeCode !== null || this.#state.kind === 'closed') return session.end();
      const stay = attendance.arrive(actor.userId);
      this.#state = { kind: 'open', session, stay, closeAt: this.#closeAt(actor) };
      this.#welcomed(actor);
      const { userId, sessionId } = actor;
      this.#send({ type: 'welcome', ref: hello.ref, userId, sessionId, epoch, heads });
      if (reset) this.#send({ type: 'reset', epoch });
    } catch (error) {
      session?.end();
      return this.#deny(this.#refuse(hello.ref, error), closeFor(error));
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

  /** No valid hello came in time, or the store did not answer in time whether it is one. */
  timeOut(): void {
    if (this.#closeCode !== null) return;
    if (this.#state.kind === 'opening') this.failed(fail('unavailable'));
    else this.#deny('no hello came in time');
  }

  async #answer(frame: Request): Promise<void> {
    this.#commandsUnderWay += 1;
    try {
      if (this.#state.kind === 'opening') await this.#state.opened;
      if (this.#context.wakeGuard.isHolding()) await this.#context.wakeGuard.released();
      const state = this.#state;
      if (state.kind !== 'open' || this.#closeCode !== null) return;
      this.#send(await this.#carryOut(frame, state));
      if (frame.type === 'watch') this.#context.board.show(this);
    } catch (error) {
      this.#refuse(frame.ref, error);
    } finally {
      this.#commandsUnderWay -= 1;
      if (this.#farewell !== null) this.finish(this.#farewell);
    }
  }

  async #carryOut(frame: Request, { session, stay }: Open): Promise<Ok> {
    switch (frame.type) {
      case 'watch':
        this.#context.board.watch(this, visiblePeople(session.actor, frame.userIds));
        break;
      case 'active':
        stay.setActive(frame.active);
        break;
      case 'auth':
        await this.#renew(frame.token, session);
        break;
      default:
        return carryOut(this.#context.services, session.actor, frame);
    }
    return { type: 'ok', ref: frame.ref };
  }

  async #renew(token: string, session: Session): Promise<void> {
    const actor = await authenticate(this.#context.services, token);
    if (actor.sessionId !== session.actor.sessionId) throw fail('invalid_token', 'The token is of another session.');
    if (this.#state.kind === 'open') this.#state = { ...this.#state, closeAt: this.#closeAt(actor) };
  }

  #closeAt({ expiresAt }: SignedInActor): number {
    const { clock, tokens } = this.#context.services;
    // No token has longer to live than a fresh one, wherever the clock stood when it was issued.
    const left = Math.min(expiresAt - clock.now(), tokens.accessTokenSeconds * 1_000);
    return clock.monotonic() + left + TOKEN_GRACE_MS;
  }

  #refuse(ref: number | null, error: unknown): ErrorCode {
    const { logger, metrics } = this.#context.services;
    const failure = error instanceof Failure ? error : fail('internal');
    if (failure !== error) logger.error({ err: error }, 'a frame could not be carried out');
    metrics.framesRefused.inc({ code: failure.code });
    this.#send(failFrame(ref, failure.code, failure.details));
    return failure.code;
  }

  #send(frame: DownFrame): void {
    this.#writer.write(frameOf(frame));
  }

  /** The peer has broken the WebSocket protocol: ws has sent its close already, and nothing may follow it. */
  #broken({ code = '' }: Error & { readonly code?: string }): void {
    this.#closeCode ??= closeOf(code);
    this.#writer.close();
    this.#leave(this.#closeCode);
  }

  #leave(code: number): void {
    if (this.#state.kind !== 'open') return;
    this.#state.session.end();
    this.#state.stay.leave(departureBy(code));
    this.#context.board.leave(this);
  }

  #closed(code: number): void {
    const { apiLog, metrics } = this.#context.services;
    const state = this.#state;
    const told = this.#closeCode ?? code;
    this.#leave(told);
    this.#state = { kind: 'closed' };
    this.#writer.close();
    // Above 3000 it is what the peer makes up, and every label costs memory.
    metrics.socketsClosed.inc({ code: this.#closeCode === null && told >= 3_000 ? 'other' : String(told) });
    if (state.kind === 'open') {
      metrics.connections.dec();
      apiLog.info('WS DISCONNECTED', `User ${state.session.actor.username} with code ${told}.`);
    }
    this.#onClosed();
  }
}
