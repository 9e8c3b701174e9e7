import { Failure, fail, SUBPROTOCOL, type UpFrameInput, type Welcome } from '@parley/protocol';
import { type Command, type Heard, type OkFrame, readFrame } from './frames.ts';
import type { Timing } from './timing.ts';

const TICK_MS = 5_000;
/** From the first byte to the welcome. */
const WELCOME_WITHIN_MS = 10_000;
const ANSWER_WITHIN_MS = 15_000;
/** A silence that makes one ask, and one that makes one give up. */
const PING_AFTER_MS = 20_000;
const DEAD_AFTER_MS = 35_000;

/** The code of a connection that was lost, or given up, without a close frame. */
const LOST = 1006;

export interface WireOptions {
  readonly url: string;
  readonly WebSocket: typeof WebSocket;
  readonly timing: Timing;
  readonly hello: Omit<UpFrameInput & { type: 'hello' }, 'ref' | 'type'>;
  onWelcome(welcome: Welcome): void;
  /** Everything but welcomes and the answers to requests. */
  onFrame(frame: Heard): void;
  /** Every few seconds. */
  onTick(): void;
  /** Once, however it ends, unless `close` was called. */
  onClose(code: number, reason: string): void;
}

/** One socket: says hello, matches answers to requests, and notices when the other side has gone. */
export interface Wire {
  /**
   * Resolves with the answer. Rejects with what the server refused it for, or with `unavailable` where the connection
   * ended and `timeout` after 15 to 20 s: then the outcome is unknown.
   */
  request(command: Command): Promise<OkFrame>;
  /** `forGood`: the server need not expect this client back. */
  close(forGood: boolean): void;
}

interface Waiting {
  readonly since: number;
  readonly resolve: (answer: OkFrame) => void;
  readonly reject: (failure: Failure) => void;
}

const HELLO_REF = 0;

export function openWire(options: WireOptions): Wire {
  const { timing } = options;
  const socket = new options.WebSocket(options.url, SUBPROTOCOL);
  const openedAt = timing.monotonic();
  const waiting = new Map<number, Waiting>();
  let nextRef = HELLO_REF + 1;
  let phase: 'greeting' | 'welcomed' | 'over' = 'greeting';
  let heardAt = openedAt;
  let pinged = false;
  let cancelTick = timing.after(TICK_MS, tick);

  function say(frame: UpFrameInput): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
  }

  function end(): void {
    phase = 'over';
    cancelTick();
    const closed = fail('unavailable', 'The connection ended before the answer came.');
    for (const { reject } of waiting.values()) reject(closed);
    waiting.clear();
  }

  function finish(code: number, reason: string): void {
    if (phase === 'over') return;
    end();
    socket.close();
    options.onClose(code, reason);
  }

  // One timer does it all: a timer per request would cost more than the requests.
  function tick(): void {
    cancelTick = timing.after(TICK_MS, tick);
    const now = timing.monotonic();
    if (phase === 'greeting' && now - openedAt >= WELCOME_WITHIN_MS) return finish(LOST, 'no welcome in time');
    if (now - heardAt >= DEAD_AFTER_MS && pinged) return finish(LOST, 'the server has gone silent');
    if (now - heardAt >= PING_AFTER_MS && phase === 'welcomed') {
      pinged = true;
      say({ type: 'ping', ref: nextRef++ });
    }
    for (const [ref, { since, reject }] of waiting) {
      if (now - since < ANSWER_WITHIN_MS) break;
      waiting.delete(ref);
      reject(fail('timeout'));
    }
    if (phase === 'welcomed') options.onTick();
  }

  function hear(frame: Heard): void {
    switch (frame.type) {
      case 'welcome':
        phase = 'welcomed';
        options.onWelcome(frame);
        break;
      case 'ok':
        take(frame.ref)?.resolve(frame);
        break;
      case 'fail': {
        const failure = failureOf(frame);
        if (phase === 'greeting' && (frame.ref === HELLO_REF || frame.ref === null)) refuse(failure);
        else if (frame.ref !== null) take(frame.ref)?.reject(failure);
        break;
      }
      default:
        options.onFrame(frame);
    }
  }

  function take(ref: number): Waiting | undefined {
    const found = waiting.get(ref);
    waiting.delete(ref);
    return found;
  }

  /** A refused hello is as good as the close that follows it. */
  function refuse(failure: Failure): void {
    if (failure.code === 'session_ended') finish(4403, failure.message);
    else if (failure.remedy === 'sign-in') finish(4401, failure.message);
    else if (failure.remedy === 'retry' || failure.remedy === 'wait') finish(LOST, failure.message);
    else finish(4400, failure.message);
  }

  socket.addEventListener('open', () => {
    say({ type: 'hello', ref: HELLO_REF, ...options.hello });
  });
  socket.addEventListener('message', (event: { data: unknown }) => {
    if (phase === 'over') return;
    heardAt = timing.monotonic();
    pinged = false;
    const frame = readFrame(event.data);
    if (frame !== null) hear(frame);
  });
  // An `error` is always followed by a `close`.
  socket.addEventListener('close', (event: { code: number; reason: string }) => finish(event.code, event.reason));

  return {
    request(command) {
      if (phase !== 'welcomed') return Promise.reject(fail('unavailable', 'The connection is not up.'));
      const ref = nextRef++;
      return new Promise((resolve, reject) => {
        waiting.set(ref, { since: timing.monotonic(), resolve, reject });
        say({ ...command, ref } as UpFrameInput);
      });
    },
    close(forGood) {
      if (phase === 'over') return;
      end();
      if (forGood) socket.close(1000);
      else socket.close();
    },
  };
}

function failureOf(frame: Extract<Heard, { type: 'fail' }>): Failure {
  const { code, title, detail, errors, retryAfterMs } = frame;
  return new Failure(code, {
    detail: detail ?? title,
    ...(errors === undefined ? {} : { errors }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
