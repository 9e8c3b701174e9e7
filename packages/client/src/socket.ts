import { type Cursors, type ErrorCode, Failure, fail, type Welcome } from '@parley/protocol';
import { afterClose } from './after-close.ts';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { Command, Heard, OkFrame } from './frames.ts';
import type { Timing } from './timing.ts';
import type { Connection } from './types.ts';
import { openWire, type Wire } from './wire.ts';

/** A connection that lasted this long was a good one: the next failure counts as the first. */
const STABLE_AFTER_MS = 5_000;

export interface Greeting {
  readonly token: string;
  readonly epoch: string;
  readonly cursors: Cursors;
}

export interface SocketDeps {
  readonly url: string;
  readonly WebSocket: typeof WebSocket;
  readonly timing: Timing;
  readonly backoff: Backoff;
  /** Gathers what to say hello with; with a token newer than the last one where `renew` is true. */
  prepare(renew: boolean): Promise<Greeting>;
  onWelcome(welcome: Welcome, greeting: Greeting): void;
  onFrame(frame: Heard): void;
  onTick(): void;
  /** The connection ended; unless told otherwise, the next attempt is under way or planned. */
  onLost(): void;
  /** The server closed the socket because the session is over. */
  onSessionEnded(): void;
  /** It will not come back by itself: refused for good or signed out, or, with null, told to stop. */
  onStopped(why: Failure | null): void;
  onChange(): void;
}

/** Keeps one connection up, coming back by itself after whatever ends it. */
export interface Socket {
  readonly connection: Connection;
  /** Resolves once online; rejects with the reason where it stops before that. */
  connect(): Promise<void>;
  disconnect(): void;
  reconnectNow(): void;
  /** Drops the connection, if there is one, and prepares a new one at once. */
  restart(): void;
  /** The session is over: nothing to come back with. */
  signedOut(reason: ErrorCode): void;
  /** Rejects with `unavailable` where the connection is not up, and where it ends before the answer. */
  request(command: Command): Promise<OkFrame>;
}

type Phase =
  | { readonly kind: 'offline' }
  | { readonly kind: 'connecting'; wire: Wire | null }
  | { readonly kind: 'online'; readonly wire: Wire; readonly since: number }
  | { readonly kind: 'waiting'; readonly renew: boolean; readonly cancel: () => void }
  | { readonly kind: 'signed-out' };

interface WaitOptions {
  readonly reason?: ErrorCode;
  readonly renew?: boolean;
}

export function createSocket(deps: SocketDeps): Socket {
  const { timing } = deps;
  let phase: Phase = { kind: 'offline' };
  let connection: Connection = { status: 'offline' };
  /** Failures in a row. */
  let tries = 0;
  /** The first of these failures, on the monotonic clock. */
  let failingSince = 0;
  /** When the connection was lost, or first wanted, by the wall clock; null while it is up. */
  let downSince: number | null = null;
  let ready: PromiseWithResolvers<void> | null = null;

  function show(next: Phase, shown: Connection): void {
    phase = next;
    connection = shown;
    deps.onChange();
  }

  function enter(next: Phase, shown: Connection): void {
    leave();
    show(next, shown);
  }

  /** Ends whatever is under way. */
  function leave(forGood = false): void {
    const before = phase;
    phase = { kind: 'offline' };
    if (before.kind === 'waiting') before.cancel();
    if (before.kind === 'connecting') before.wire?.close(forGood);
    if (before.kind !== 'online') return;
    if (timing.monotonic() - before.since >= STABLE_AFTER_MS) tries = 0;
    downSince = timing.now();
    before.wire.close(forGood);
    deps.onLost();
  }

  async function attempt(renew: boolean): Promise<void> {
    const mine: Phase = { kind: 'connecting', wire: null };
    enter(mine, { status: 'connecting' });
    downSince ??= timing.now();
    let greeting: Greeting;
    try {
      greeting = await deps.prepare(renew);
    } catch (error) {
      if (phase === mine) unprepared(error);
      return;
    }
    if (phase !== mine) return;
    const wire = openWire({
      url: deps.url,
      WebSocket: deps.WebSocket,
      timing,
      hello: greeting,
      onWelcome(welcome) {
        downSince = null;
        show({ kind: 'online', wire, since: timing.monotonic() }, { status: 'online' });
        deps.onWelcome(welcome, greeting);
        // Unless the welcome itself was a reason to start again.
        if (phase.kind !== 'online') return;
        ready?.resolve();
        ready = null;
      },
      onFrame: deps.onFrame,
      onTick: deps.onTick,
      onClose: closed,
    });
    mine.wire = wire;
  }

  function unprepared(error: unknown): void {
    if (!(error instanceof Failure)) {
      // A bug, not weather: whoever waits is told, and nothing is tried again.
      stop(fail('internal'));
      throw error;
    }
    if (error.remedy === 'sign-in') signedOut(error.code);
    else if (error.remedy === 'retry' || error.remedy === 'wait') {
      wait(error.details.retryAfterMs ?? nextDelay(), { reason: error.code });
    } else stop(error);
  }

  function closed(code: number, reason: string): void {
    leave();
    const next = afterClose(code, reason);
    switch (next.kind) {
      case 'retry':
        return wait(nextDelay());
      case 'resume':
      case 'renew':
        // At once, but only once: a server that closes each time is not to be hammered.
        if (tries > 0) return wait(nextDelay(), { renew: next.kind === 'renew' });
        tries += 1;
        void attempt(next.kind === 'renew');
        return;
      case 'wait':
        // A server that names a wait each time is waited for longer each time.
        return wait(next.ms + timing.random() * next.spreadMs + (tries > 0 ? nextDelay() : 0));
      case 'sign-out':
        signedOut('session_ended');
        return deps.onSessionEnded();
      case 'stop':
        return stop(fail('unsupported_subprotocol', reason || 'The server does not take this connection.'));
    }
  }

  function nextDelay(): number {
    if (tries === 0) failingSince = timing.monotonic();
    const delay = backoffDelay(tries, deps.backoff, timing, timing.monotonic() - failingSince);
    tries += 1;
    return delay;
  }

  function wait(ms: number, { reason = 'unavailable', renew = false }: WaitOptions = {}): void {
    const now = timing.now();
    downSince ??= now;
    const cancel = timing.after(ms, () => void attempt(renew));
    enter({ kind: 'waiting', renew, cancel }, { status: 'waiting', reason, retryAt: now + ms, since: downSince });
  }

  function halt(next: Phase, shown: Connection, why: Failure | null): void {
    leave(true);
    tries = 0;
    downSince = null;
    show(next, shown);
    ready?.reject(why ?? fail('unavailable', 'Disconnected.'));
    ready = null;
    deps.onStopped(why);
  }

  function stop(why: Failure | null): void {
    halt({ kind: 'offline' }, { status: 'offline' }, why);
  }

  function signedOut(reason: ErrorCode): void {
    if (phase.kind === 'signed-out') return;
    halt({ kind: 'signed-out' }, { status: 'signed-out', reason }, fail(reason));
  }

  return {
    get connection() {
      return connection;
    },
    async connect() {
      if (phase.kind === 'online') return;
      ready ??= Promise.withResolvers<void>();
      const { promise } = ready;
      if (phase.kind === 'offline' || phase.kind === 'signed-out') void attempt(false);
      return promise;
    },
    disconnect() {
      if (phase.kind === 'offline') return;
      if (phase.kind === 'signed-out') return show({ kind: 'offline' }, { status: 'offline' });
      stop(null);
    },
    reconnectNow() {
      if (phase.kind === 'waiting') void attempt(phase.renew);
    },
    restart() {
      if (phase.kind !== 'online' && phase.kind !== 'connecting') return;
      leave();
      if (tries > 0) return wait(nextDelay());
      tries += 1;
      void attempt(false);
    },
    signedOut,
    request(command) {
      if (phase.kind === 'online') return phase.wire.request(command);
      return Promise.reject(fail('unavailable', 'The connection is not up.'));
    },
  };
}
