import { type Cursors, type Entry, Failure, fail, SOCKET_PATH, type User, WORKSPACE_STREAM } from '@parley/protocol';
import { DEFAULT_BACKOFF } from './backoff.ts';
import { createCall } from './call.ts';
import { createFeed } from './entries.ts';
import type { Heard, LogEntry } from './frames.ts';
import { createHistory } from './history.ts';
import { createOutbox } from './outbox.ts';
import { createPresences } from './presence.ts';
import { createReadMarks } from './read-marks.ts';
import { stateFromSnapshot } from './reduce.ts';
import { createRest } from './rest.ts';
import { createSession, memoryStorage } from './session.ts';
import { createSocket, type Greeting } from './socket.ts';
import { createStore } from './store.ts';
import { createStreams } from './streams.ts';
import { systemTiming } from './timing.ts';
import type { Client, ClientOptions, State } from './types.ts';

/** A hello is a frame, and a frame has at most 64 KiB: streams beyond this are caught up by pulling. */
const CURSORS_IN_HELLO = 1_000;

/** Makes a client of the server at `options.url`. Nothing is asked of the server until something is called. */
export function createClient(options: ClientOptions): Client {
  const timing = options.timing ?? systemTiming;
  const backoff = options.backoff ?? DEFAULT_BACKOFF;
  const kind = options.session ?? 'token';
  const store = createStore();
  const feed = createFeed();
  /** Set where what the state says can no longer be caught up entry by entry. */
  let stale = false;
  let greetedWith: string | null = null;

  const call = createCall({ url: options.url, fetch: options.fetch ?? fetch, cookies: kind === 'cookie' });
  const session = createSession({
    call,
    kind,
    storage: options.sessionStorage ?? memoryStorage(),
    timing,
    backoff,
    onRenewed(token) {
      // A refusal shows as the close that follows it; a lost connection says hello with the new token anyway.
      if (isOnline()) socket.request({ type: 'auth', token }).catch(() => {});
    },
    onEnded: (code) => socket.signedOut(code),
  });
  const rest = createRest(call, session);
  const history = createHistory(store, rest.listMessages);

  const socket = createSocket({
    url: socketUrl(options.url),
    WebSocket: options.WebSocket ?? WebSocket,
    timing,
    backoff,
    prepare,
    onWelcome(welcome, greeting) {
      if (welcome.epoch !== greeting.epoch) return resync();
      streams.resumed(welcome.heads, greeting.cursors);
      outbox.resume();
      readMarks.resume();
      presences.resume();
    },
    onFrame: hear,
    onTick: () => streams.check(),
    onLost() {
      streams.suspended();
      presences.suspended();
    },
    onSessionEnded: () => void session.ended('session_ended'),
    onStopped: (why) => feed.end(why ?? undefined),
    onChange: store.changed,
  });
  const isOnline = () => socket.connection.status === 'online';

  const streams = createStreams({
    cursorOf: store.cursorOf,
    apply,
    async pull(stream, after) {
      const { entries } = await socket.request({ type: 'pull', stream, after });
      return { entries: entries ?? [] };
    },
    room: feed.room,
    isRead: () => feed.readers > 0,
    resync,
    timing,
    backoff,
  });
  const outbox = createOutbox({
    request: socket.request,
    isOnline,
    cursorOf: store.cursorOf,
    timing,
    backoff,
    onChange: store.changed,
  });
  const presences = createPresences({
    request: socket.request,
    isOnline,
    timing,
    backoff,
    onChange: store.changed,
  });
  const readMarks = createReadMarks({ store, request: socket.request, isOnline, timing, backoff });

  function hear(frame: Heard): void {
    switch (frame.type) {
      case 'entry':
        return streams.receive(frame.entry);
      case 'beat':
        return streams.beat(frame.heads);
      case 'behind':
        return streams.behind(frame.stream, frame.head);
      case 'presence':
        return presences.hear(frame.states);
      case 'reset':
        return resync();
    }
  }

  function apply(entry: LogEntry): void {
    store.apply(entry);
    history.observe(entry);
    if (entry.event.type === 'message.posted') outbox.arrived(entry.event.message);
    outbox.settle();
    if (isKnown(entry)) feed.publish(entry);
  }

  function resync(): void {
    stale = true;
    socket.restart();
  }

  async function prepare(renew: boolean): Promise<Greeting> {
    if (renew) await session.renew(greetedWith);
    const held = stale ? null : store.getState();
    const state = held ?? (await loadSnapshot());
    const token = await session.token();
    greetedWith = token;
    return { token, epoch: state.epoch, cursors: greetingCursors(state) };
  }

  async function loadSnapshot(): Promise<State> {
    const { user } = session;
    const state = stateFromSnapshot(await rest.bootstrap());
    if (session.user?.id !== user?.id) throw fail('not_authenticated');
    stale = false;
    history.forget();
    store.replace(state);
    readMarks.reapply();
    outbox.settle();
    return state;
  }

  function forgetEverything(): void {
    history.forget();
    readMarks.clear();
    outbox.clear(fail('session_ended'));
    store.replace(null);
  }

  /** A session that ended and began again goes on where it was, unless somebody else begins it. */
  function goOnAs(user: User): void {
    const before = store.getState()?.user.id;
    if (before !== undefined && before !== user.id) forgetEverything();
  }

  async function signInAs(signedIn: Promise<User>): Promise<User> {
    const user = await signedIn;
    goOnAs(user);
    socket.disconnect();
    return user;
  }

  return {
    register: (account) => signInAs(session.register(account)),
    signIn: (credentials) => signInAs(session.login(credentials)),
    async restore() {
      const user = await session.restore();
      if (user !== null) goOnAs(user);
      return user;
    },
    async signOut() {
      socket.disconnect();
      try {
        if (session.user !== null) await rest.logout();
      } catch (error) {
        // Over already, which is what was asked for.
        if (!(error instanceof Failure) || error.remedy !== 'sign-in') throw error;
      }
      forgetEverything();
      await session.forget();
    },
    connect: socket.connect,
    disconnect: socket.disconnect,
    reconnectNow: socket.reconnectNow,
    rest,
    getState: store.getState,
    getConnection: () => socket.connection,
    getOutbox: outbox.list,
    getPresence: presences.get,
    subscribe: store.subscribe,
    send: (channelId, body, { id } = {}) => outbox.send(channelId, body, id),
    retry: outbox.retry,
    discard: outbox.discard,
    markRead: readMarks.mark,
    watch: presences.watch,
    setActive: presences.setActive,
    loadOlder: history.loadOlder,
    entries: () => feed.read((entry) => entry),
    messages: () => feed.read(({ event }) => (event.type === 'message.posted' ? event.message : undefined)),
  };
}

function socketUrl(url: string): string {
  const address = new URL(SOCKET_PATH, url);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

function isKnown(entry: LogEntry): entry is Entry {
  return entry.event.type !== 'unknown';
}

/** The cursors to resume at; one's own stream and the workspace first, since the others hang on them. */
function greetingCursors({ user, cursors }: State): Cursors {
  const first = [user.id, WORKSPACE_STREAM];
  const rest = [...cursors.keys()].filter((stream) => !first.includes(stream));
  const chosen = [...first, ...rest].slice(0, CURSORS_IN_HELLO);
  return Object.fromEntries(chosen.map((stream) => [stream, cursors.get(stream) ?? 0]));
}
