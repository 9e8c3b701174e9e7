import { API_PREFIX, newId, SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import { WebSocket } from 'ws';

const PASSWORD = 'a long enough passphrase';

/** Somebody with an account, who talks to the server as its protocol says, frame by frame. */
export interface Person {
  readonly id: string;
  readonly username: string;
  readonly password: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** A REST request, `/api/v1` left out of the path. */
  request(method: string, path: string, body?: unknown): Promise<Answer>;
  /** As `request`, for an answer that is expected to be a success. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  ask(method: string, path: string, body?: unknown): Promise<any>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

/** Registers a new account. Names are made up where none is given. */
export async function register(url: string, username = `p${newId().slice(-12)}`): Promise<Person> {
  const answer = await requestJson(url, 'POST', '/auth/register', { username, password: PASSWORD });
  if (answer.status !== 201) throw new Error(`Registering ${username} failed: ${JSON.stringify(answer.body)}`);
  return personOf(url, answer.body);
}

/** Signs in to an account that `register` made. */
export async function signIn(url: string, username: string): Promise<Person> {
  const answer = await requestJson(url, 'POST', '/auth/login', { username, password: PASSWORD });
  if (answer.status !== 200) throw new Error(`Signing in ${username} failed: ${JSON.stringify(answer.body)}`);
  return personOf(url, answer.body);
}

interface SignedInBody {
  readonly user: { readonly id: string; readonly username: string };
  readonly accessToken: string;
  readonly refreshToken: string;
}

function personOf(url: string, { user, accessToken, refreshToken }: SignedInBody): Person {
  const request: Person['request'] = (method, path, body) => requestJson(url, method, path, body, accessToken);
  return {
    id: user.id,
    username: user.username,
    password: PASSWORD,
    accessToken,
    refreshToken,
    request,
    async ask(method, path, body) {
      const answer = await request(method, path, body);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
  };
}

export async function requestJson(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  accessToken?: string,
): Promise<Answer> {
  const response = await fetch(url + API_PREFIX + path, {
    method,
    headers: {
      ...(accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into frames of every shape
export type Frame = any;

interface RawSocketOptions {
  readonly headers?: Record<string, string>;
  readonly subprotocol?: string;
}

/** Says something on a fresh socket and waits for the close: the code, and all frames that came. */
export async function farewellTo(url: string, frame: unknown, options: RawSocketOptions = {}) {
  const socket = await RawSocket.opened(url, options);
  socket.send(frame);
  const { code, reason } = await socket.closing();
  return { code, reason, frames: socket.frames };
}

/** A bare socket that keeps every frame it receives, for tests about the frames themselves. */
export class RawSocket {
  readonly frames: Frame[] = [];
  readonly webSocket: WebSocket;
  closed: { readonly code: number; readonly reason: string } | null = null;
  #lastRef = 0;
  #wake: (() => void)[] = [];

  constructor(url: string, options: RawSocketOptions = {}) {
    const { headers = {}, subprotocol = SUBPROTOCOL } = options;
    this.webSocket = new WebSocket(url.replace('http', 'ws') + SOCKET_PATH, subprotocol, { headers });
    this.webSocket.on('open', () => this.#take(() => undefined));
    this.webSocket.on('message', (data) => this.#take(() => this.frames.push(JSON.parse(String(data)))));
    this.webSocket.on('close', (code, reason) => this.#take(() => (this.closed = { code, reason: String(reason) })));
    this.webSocket.on('error', () => {});
  }

  /** Opens a socket that has said nothing yet. */
  static async opened(url: string, options: RawSocketOptions = {}): Promise<RawSocket> {
    const socket = new RawSocket(url, options);
    await socket.opened();
    return socket;
  }

  /** Opens a socket and says hello. */
  static async signedIn(url: string, person: Person, hello: object = {}): Promise<RawSocket> {
    const socket = await RawSocket.opened(url);
    await socket.ask({ type: 'hello', token: person.accessToken, ...hello });
    return socket;
  }

  async opened(): Promise<void> {
    await this.#until(() => this.closed !== null || this.webSocket.readyState === WebSocket.OPEN, 'an open socket');
    if (this.closed) throw new Error(`The socket was closed with ${this.closed.code}.`);
  }

  send(frame: unknown): void {
    this.webSocket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  /** Sends a frame under a new ref and waits for its answer. */
  async ask(frame: object): Promise<Frame> {
    const ref = ++this.#lastRef;
    this.send({ ...frame, ref });
    return this.frame((received) => received.ref === ref);
  }

  /** The first frame, received already or still to come, that fits. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    await this.#until(() => this.frames.some(fits), 'a frame');
    return this.frames.find(fits);
  }

  /** The entries of a stream so far, in the order of arrival. */
  entries(stream: string): Frame[] {
    return this.frames.filter((frame) => frame.type === 'entry' && frame.stream === stream);
  }

  async closing(): Promise<{ readonly code: number; readonly reason: string }> {
    await this.#until(() => this.closed !== null, 'a close');
    return this.closed as { code: number; reason: string };
  }

  close(): void {
    this.webSocket.terminate();
  }

  #take(change: () => unknown): void {
    change();
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = AbortSignal.timeout(15_000);
    while (!isSo()) {
      await new Promise<void>((resolve, reject) => {
        this.#wake.push(resolve);
        deadline.addEventListener('abort', () => reject(new Error(`Waited in vain for ${what}.`)), { once: true });
      });
    }
  }
}
