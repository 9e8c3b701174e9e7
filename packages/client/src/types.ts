import type {
  AnswerOf,
  BodyInput,
  EndpointName,
  Endpoints,
  Entry,
  ErrorCode,
  ListedChannel,
  Message,
  MyChannel,
  ParamsInput,
  PresenceState,
  QueryInput,
  User,
} from '@parley/protocol';
import type { Timing } from './timing.ts';

/** Where the session is kept between runs. The default keeps it in memory. */
export interface SessionStorage {
  load(): Promise<string | null>;
  save(refreshToken: string | null): Promise<void>;
}

export interface ClientOptions {
  /** The server's address, for example `http://localhost:8000`. */
  readonly url: string;
  /** `token` (default): the refresh token is kept in `sessionStorage`. `cookie`: by the browser, unseen by scripts. */
  readonly session?: 'token' | 'cookie';
  readonly sessionStorage?: SessionStorage;
  readonly fetch?: typeof fetch;
  readonly WebSocket?: typeof WebSocket;
  /** Reconnection waits between these bounds, in milliseconds, doubling, with full jitter. Default 250 and 15,000. */
  readonly backoff?: { readonly leastMs: number; readonly mostMs: number };
  /** Clocks, timers and chance, for tests and simulations that want to own them. */
  readonly timing?: Timing;
}

/** The socket's state, for a banner or a status dot. */
export type Connection =
  | { readonly status: 'offline' }
  | { readonly status: 'connecting' }
  /** Signed in: what was missed is arriving, or has arrived, and what is new follows. */
  | { readonly status: 'online' }
  /** Between attempts: the last one failed for `reason`, the next one is at `retryAt` (milliseconds since 1970). */
  | { readonly status: 'waiting'; readonly reason: ErrorCode; readonly retryAt: number; readonly since: number }
  /** The session is over: sign in again. */
  | { readonly status: 'signed-out'; readonly reason: ErrorCode };

/** A message on its way out: shown at once under its own id; it leaves when it stands in the channel's log. */
export interface Outgoing {
  readonly id: string;
  readonly channelId: string;
  readonly body: string;
  readonly createdAt: string;
  readonly status:
    | { readonly kind: 'sending' }
    /** Refused for going too fast; it is sent again at `retryAt`. */
    | { readonly kind: 'throttled'; readonly retryAt: number }
    /** Refused for good: retry or discard it. */
    | { readonly kind: 'failed'; readonly code: ErrorCode; readonly title: string };
}

/**
 * What is known of a channel's messages: one unbroken run up to the live end. A channel has none until `loadOlder` is
 * called, and loses it when the client had to start from a fresh snapshot: call `loadOlder` again.
 */
export interface Timeline {
  readonly messages: readonly Message[];
  /** True where there is nothing older than the first message. */
  readonly complete: boolean;
}

/** Everything the client knows: the snapshot it started from, folded with every entry since. */
export interface State {
  readonly epoch: string;
  readonly user: User;
  readonly users: ReadonlyMap<string, User>;
  readonly channels: ReadonlyMap<string, MyChannel>;
  readonly directory: ReadonlyMap<string, ListedChannel>;
  readonly timelines: ReadonlyMap<string, Timeline>;
  readonly cursors: ReadonlyMap<string, number>;
}

/** What a send came to. */
export interface Ack {
  readonly id: string;
  readonly channelId: string;
  readonly seq: number;
}

type Field<Key extends string, Value> = [Value] extends [undefined]
  ? unknown
  : undefined extends Value
    ? { readonly [K in Key]?: Value }
    : Record<never, unknown> extends Value
      ? { readonly [K in Key]?: Value }
      : { readonly [K in Key]: Value };

/** The parts of a request: `params` of the path, `query`, JSON `body`; each only where the endpoint has one. */
export type Request<E> = Field<'params', ParamsInput<E>> & Field<'query', QueryInput<E>> & Field<'body', BodyInput<E>>;

/** What stands between the parentheses: nothing, or the request, which may be left out where no part is required. */
type Asked<R> = unknown extends R ? [] : Record<never, unknown> extends R ? [request?: R] : [request: R];

/** Every REST request as a typed function: `client.rest.createChannel({ body: { name, kind: 'public' } })`. */
export type Rest = {
  readonly [Name in EndpointName]: (...asked: Asked<Request<Endpoints[Name]>>) => Promise<AnswerOf<Endpoints[Name]>>;
};

/** Everything below throws the protocol's `Failure` where the server refuses, or `unavailable` where it cannot be reached. */
export interface Client {
  /** Creates an account and signs in. */
  register(account: { username: string; password: string; displayName?: string }): Promise<User>;
  signIn(credentials: { username: string; password: string }): Promise<User>;
  /** Goes on with the session kept from an earlier run; null where there is none. */
  restore(): Promise<User | null>;
  /**
   * Ends the session on the server and here, and forgets everything. Where the server cannot be told it rejects, and
   * nothing is forgotten: `connect` goes on with the session.
   */
  signOut(): Promise<void>;

  /** Loads the snapshot and keeps a socket open, reconnecting and resuming by itself, until `disconnect`. Resolves once online. */
  connect(): Promise<void>;
  disconnect(): void;
  /** Tries again now instead of at `retryAt`. */
  reconnectNow(): void;

  readonly rest: Rest;

  /** Null until the first snapshot. The same object until something changes, so `useSyncExternalStore` can read it. */
  getState(): State | null;
  getConnection(): Connection;
  /** Messages not yet acknowledged, oldest first. The same array until it changes. */
  getOutbox(): readonly Outgoing[];
  /** What the watched people are, as far as it is known: nothing while the connection is down. The same map until it changes. */
  getPresence(): ReadonlyMap<string, PresenceState>;
  /** Called after any of the four above changed. Returns how to stop. */
  subscribe(listener: () => void): () => void;

  /**
   * Sends a message. It may be called before the connection is up; it is sent once it is, in order, and again after
   * a loss, under the same id. Resolves when acknowledged; rejects when refused for good or discarded.
   */
  send(channelId: string, body: string, options?: { id?: string }): Promise<Ack>;
  /** Sends a failed message again. */
  retry(id: string): void;
  /** Drops a failed message. */
  discard(id: string): void;
  /** Moves the read cursor to `seq`, here at once and on the server. Calls close together become one request. */
  markRead(channelId: string, seq: number): void;
  /**
   * Has these people's presence followed, over all connections, until the answer is called. All calls together follow
   * the first 200 people, those of the latest call before all others.
   */
  watch(userIds: readonly string[]): () => void;
  /** Says whether somebody is at this client; true at first. Whoever is at none of their clients is `away` to others. */
  setActive(active: boolean): void;
  /** Loads a page of older messages into the channel's timeline; the first call loads the latest page. */
  loadOlder(channelId: string): Promise<void>;

  /** Every entry in order, exactly once per stream, from now on. Ends with the iterator's `return` or `disconnect`. */
  entries(): AsyncIterable<Entry>;
  /** The messages among them. */
  messages(): AsyncIterable<Message>;
}
