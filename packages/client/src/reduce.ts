import { type Event, type Message, type MyChannel, type Snapshot, WORKSPACE_STREAM } from '@parley/protocol';
import type { LogEntry } from './frames.ts';
import type { State, Timeline } from './types.ts';

/**
 * Folds one entry into a state, which stays as it was. Entries of one stream come in order, each once; between streams
 * any order leads to the same state. Law R2: a snapshot folded with the entries since equals a fresh snapshot.
 */
export function reduce(state: State, entry: LogEntry): State {
  const draft = openDraft(state);
  applyEntry(draft, entry);
  return closeDraft(draft);
}

/** The state that a snapshot describes, with no messages loaded. */
export function stateFromSnapshot(snapshot: Snapshot): State {
  return {
    epoch: snapshot.epoch,
    user: snapshot.user,
    users: byId(snapshot.users),
    channels: byId(snapshot.channels),
    directory: byId(snapshot.directory),
    timelines: new Map(),
    cursors: new Map(Object.entries(snapshot.cursors)),
  };
}

/** The snapshot that a server would give of this state: lists by id, ascending. Loaded messages are left out. */
export function snapshotFromState(state: State): Snapshot {
  return {
    epoch: state.epoch,
    user: state.user,
    users: sortedById(state.users),
    channels: sortedById(state.channels),
    directory: sortedById(state.directory),
    cursors: Object.fromEntries([...state.cursors].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function byId<Value extends { readonly id: string }>(values: readonly Value[]): ReadonlyMap<string, Value> {
  return new Map(values.map((value) => [value.id, value]));
}

function sortedById<Value extends { readonly id: string }>(values: ReadonlyMap<string, Value>): Value[] {
  return [...values.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A map that is copied when it is first changed, and not at all where it is not. */
interface MapDraft<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  /** The map as it is now; later changes go to another copy. */
  close(): ReadonlyMap<string, Value>;
}

function draftOf<Value>(base: ReadonlyMap<string, Value>): MapDraft<Value> {
  let copy: Map<string, Value> | null = null;
  const own = () => (copy ??= new Map(base));
  return {
    get: (key) => (copy ?? base).get(key),
    set(key, value) {
      own().set(key, value);
    },
    delete(key) {
      if ((copy ?? base).has(key)) own().delete(key);
    },
    close: () => copy ?? base,
  };
}

/**
 * A state being changed. Folding many entries through one draft copies each map once rather than once an entry, which
 * is what a busy client spends its time on.
 */
export interface Draft {
  readonly epoch: string;
  user: State['user'];
  readonly users: MapDraft<State['user']>;
  readonly channels: MapDraft<MyChannel>;
  readonly directory: MapDraft<{ id: string; name: string; topic: string }>;
  readonly timelines: MapDraft<Timeline>;
  readonly cursors: MapDraft<number>;
}

export function openDraft(state: State): Draft {
  return {
    epoch: state.epoch,
    user: state.user,
    users: draftOf(state.users),
    channels: draftOf(state.channels),
    directory: draftOf(state.directory),
    timelines: draftOf(state.timelines),
    cursors: draftOf(state.cursors),
  };
}

/** Ends the draft: it must not be changed afterwards. */
export function closeDraft(draft: Draft): State {
  return {
    epoch: draft.epoch,
    user: draft.user,
    users: draft.users.close(),
    channels: draft.channels.close(),
    directory: draft.directory.close(),
    timelines: draft.timelines.close(),
    cursors: draft.cursors.close(),
  };
}

export function applyEntry(draft: Draft, entry: LogEntry): void {
  const { stream, seq, event } = entry;
  if (stream === WORKSPACE_STREAM) {
    draft.cursors.set(stream, seq);
    applyToWorkspace(draft, event);
  } else if (stream === draft.user.id) {
    draft.cursors.set(stream, seq);
    applyToUser(draft, event);
  } else {
    // The channel may be gone by what another stream said; what its own stream still says is of no use then.
    const channel = draft.channels.get(stream);
    if (channel === undefined) return;
    draft.cursors.set(stream, seq);
    applyToChannel(draft, { ...channel, head: seq }, seq, event);
  }
}

type LogEvent = LogEntry['event'];
type EventOf<Type extends Event['type']> = Extract<Event, { type: Type }>;

function applyToWorkspace(draft: Draft, event: LogEvent): void {
  switch (event.type) {
    case 'user.registered':
    case 'user.updated':
      draft.users.set(event.user.id, event.user);
      if (event.user.id === draft.user.id) draft.user = event.user;
      break;
    case 'channel.listed':
      draft.directory.set(event.channel.id, event.channel);
      break;
    case 'channel.unlisted':
      draft.directory.delete(event.channelId);
      break;
  }
}

function applyToUser(draft: Draft, event: LogEvent): void {
  switch (event.type) {
    case 'membership.added':
      addMembership(draft, event);
      break;
    case 'membership.removed': {
      // A cursor at or past the removal means that the channel's own stream told it, or that I am back already.
      const cursor = draft.cursors.get(event.channelId);
      if (cursor !== undefined && cursor < event.seq) forgetChannel(draft, event.channelId);
      break;
    }
    case 'read.advanced': {
      const channel = draft.channels.get(event.channelId);
      if (channel) draft.channels.set(channel.id, readUpTo(channel, event.seq, event.ordinal));
      break;
    }
  }
}

function addMembership(draft: Draft, { channel }: EventOf<'membership.added'>): void {
  const cursor = draft.cursors.get(channel.id);
  if (cursor !== undefined && cursor >= channel.head) return;
  forgetChannel(draft, channel.id);
  draft.channels.set(channel.id, channel);
  draft.cursors.set(channel.id, channel.head);
}

function forgetChannel(draft: Draft, channelId: string): void {
  draft.channels.delete(channelId);
  draft.timelines.delete(channelId);
  draft.cursors.delete(channelId);
}

/** `channel` is the one held, its head already at `seq`. */
function applyToChannel(draft: Draft, channel: MyChannel, seq: number, event: LogEvent): void {
  const me = draft.user.id;
  const put = (changed: MyChannel) => draft.channels.set(channel.id, changed);
  switch (event.type) {
    case 'channel.updated': {
      const { name, topic, archived, rev } = event;
      return put({ ...channel, name, topic, archived, rev });
    }
    case 'member.joined':
      return put({ ...channel, memberCount: channel.memberCount + 1 });
    case 'member.left':
    case 'member.removed':
      if (event.userId === me) return forgetChannel(draft, channel.id);
      return put({ ...channel, memberCount: channel.memberCount - 1 });
    case 'member.role_changed':
      return put(event.userId === me ? { ...channel, role: event.role } : channel);
    case 'message.posted': {
      const { message } = event;
      const counted = { ...channel, messageCount: message.ordinal };
      // To send is to have read: one's own message never counts as unread.
      const [readSeq, readOrdinal] = message.authorId === me ? [seq, message.ordinal] : [0, 0];
      put(readUpTo(counted, readSeq, readOrdinal));
      appendToTimeline(draft, message);
      return;
    }
    default:
      return put(channel);
  }
}

/** Moves a channel's read cursor forward, never back, and counts anew what is unread. */
export function readUpTo(channel: MyChannel, seq: number, ordinal: number): MyChannel {
  const readSeq = Math.max(channel.readSeq, seq);
  const readOrdinal = Math.max(channel.readOrdinal, ordinal);
  // Another device may have read a message whose entry has yet to arrive here.
  const unread = Math.max(0, channel.messageCount - readOrdinal);
  return { ...channel, readSeq, readOrdinal, unread };
}

function appendToTimeline(draft: Draft, message: Message): void {
  const timeline = draft.timelines.get(message.channelId);
  if (timeline === undefined) return;
  // A page that was read ahead of the live stream holds this message already.
  const last = timeline.messages.at(-1);
  if (last !== undefined && last.seq >= message.seq) return;
  draft.timelines.set(message.channelId, { ...timeline, messages: [...timeline.messages, message] });
}
