import {
  type Entry,
  type Event,
  type Message,
  type MyChannel,
  newId,
  type Snapshot,
  type User,
} from '@parley/protocol';

const AT = '2026-01-01T00:00:00.000Z';

interface Room {
  readonly id: string;
  name: string;
  topic: string;
  archived: boolean;
  rev: number;
  messageCount: number;
  memberCount: number;
  /** The one whose view this is; null while they are no member. */
  mine: { role: MyChannel['role']; readSeq: number; readOrdinal: number } | null;
  readonly log: Entry[];
}

/** What may happen in the world. `pick` chooses among what is there; what makes no sense at the moment is left out. */
export type Happening =
  | {
      readonly kind: 'create' | 'join' | 'leave' | 'kick' | 'post' | 'reply' | 'read' | 'rename';
      readonly pick: number;
    }
  | {
      readonly kind: 'promote' | 'other-joins' | 'other-leaves' | 'archive' | 'register' | 'rename-me';
      readonly pick: number;
    };

/**
 * A tiny model of a workspace as one member lives it: it keeps the logs as a server does, and says what a fresh
 * snapshot would be. It shares no code with the fold that it tests.
 */
export function smallWorld() {
  const epoch = newId();
  const me: { current: User } = {
    current: { id: newId(), username: 'me', displayName: 'Me', role: 'member' },
  };
  const other: User = { id: newId(), username: 'other', displayName: 'Other', role: 'owner' };
  const users = new Map<string, User>([
    [me.current.id, me.current],
    [other.id, other],
  ]);
  const rooms: Room[] = [];
  const userLog: Entry[] = [];
  const workspaceLog: Entry[] = [];
  /** What the server sends to me, stream by stream: of a channel, what happened while I was in it. */
  const sent = new Map<string, Entry[]>();

  function append(log: Entry[], stream: string, event: Event, isSent = true): number {
    const entry: Entry = { stream, seq: log.length + 1, at: AT, actor: other.id, event };
    log.push(entry);
    if (isSent) sent.set(stream, [...(sent.get(stream) ?? []), entry]);
    return entry.seq;
  }
  const toMe = (event: Event) => append(userLog, me.current.id, event);
  const toAll = (event: Event) => append(workspaceLog, 'workspace', event);
  const toRoom = (room: Room, event: Event) => append(room.log, room.id, event, room.mine !== null);

  function myChannel(room: Room): MyChannel {
    const { id, name, topic, archived, rev, messageCount, memberCount, mine } = room;
    if (mine === null) throw new Error('not a member');
    return {
      ...{ id, kind: 'public', name, topic, archived, rev, messageCount, memberCount },
      ...{ head: room.log.length, createdAt: AT, createdBy: other.id },
      ...{ ...mine, unread: messageCount - mine.readOrdinal },
    };
  }

  function enter(room: Room): void {
    room.memberCount += 1;
    append(room.log, room.id, { type: 'member.joined', userId: me.current.id, role: 'member' }, false);
    room.mine = { role: 'member', readSeq: room.log.length, readOrdinal: room.messageCount };
    toMe({ type: 'membership.added', channel: myChannel(room) });
  }

  function exit(room: Room, type: 'member.left' | 'member.removed'): void {
    room.memberCount -= 1;
    const seq = toRoom(room, { type, userId: me.current.id });
    room.mine = null;
    toMe({ type: 'membership.removed', channelId: room.id, seq });
  }

  function post(room: Room, authorId: string): void {
    room.messageCount += 1;
    const seq = room.log.length + 1;
    const message: Message = {
      ...{ id: newId(), channelId: room.id, seq, ordinal: room.messageCount },
      ...{ authorId, body: `message ${seq}`, createdAt: AT, rev: 1 },
    };
    toRoom(room, { type: 'message.posted', message });
    if (room.mine && authorId === me.current.id) {
      room.mine = { ...room.mine, readSeq: seq, readOrdinal: room.messageCount };
    }
  }

  function update(room: Room, change: Partial<Pick<Room, 'name' | 'archived'>>): void {
    Object.assign(room, change, { rev: room.rev + 1 });
    const { name, topic, archived, rev } = room;
    toRoom(room, { type: 'channel.updated', name, topic, archived, rev });
    if (archived) toAll({ type: 'channel.unlisted', channelId: room.id });
    else toAll({ type: 'channel.listed', channel: { id: room.id, name, topic } });
  }

  function readSome(room: Room, pick: number): void {
    if (!room.mine) return;
    const seq = room.mine.readSeq + (pick % (room.log.length - room.mine.readSeq + 1));
    if (seq <= room.mine.readSeq) return;
    const posted = room.log.slice(0, seq).filter(({ event }) => event.type === 'message.posted');
    room.mine = { ...room.mine, readSeq: seq, readOrdinal: posted.length };
    toMe({ type: 'read.advanced', channelId: room.id, seq, ordinal: posted.length });
  }

  function happen({ kind, pick }: Happening): void {
    if (kind === 'create') {
      const room: Room = {
        ...{ id: newId(), name: `room ${rooms.length}`, topic: '', archived: false, rev: 1 },
        ...{ messageCount: 0, memberCount: 1, mine: null, log: [] },
      };
      append(room.log, room.id, { type: 'member.joined', userId: other.id, role: 'owner' }, false);
      rooms.push(room);
      toAll({ type: 'channel.listed', channel: { id: room.id, name: room.name, topic: '' } });
      if (pick % 2 === 0) enter(room);
      return;
    }
    if (kind === 'register') {
      const user: User = { id: newId(), username: `user${users.size}`, displayName: 'New', role: 'member' };
      users.set(user.id, user);
      toAll({ type: 'user.registered', user });
      return;
    }
    if (kind === 'rename-me') {
      me.current = { ...me.current, displayName: `Me ${pick}` };
      users.set(me.current.id, me.current);
      toAll({ type: 'user.updated', user: me.current });
      return;
    }
    const room = rooms[pick % Math.max(1, rooms.length)];
    if (room === undefined) return;
    if (kind === 'join' && !room.mine) enter(room);
    if (kind === 'leave' && room.mine) exit(room, 'member.left');
    if (kind === 'kick' && room.mine) exit(room, 'member.removed');
    if (kind === 'post') post(room, other.id);
    if (kind === 'reply' && room.mine) post(room, me.current.id);
    if (kind === 'read') readSome(room, pick);
    if (kind === 'rename') update(room, { name: `renamed ${pick}` });
    if (kind === 'archive') update(room, { archived: !room.archived });
    if (kind === 'promote' && room.mine) {
      room.mine = { ...room.mine, role: 'moderator' };
      toRoom(room, { type: 'member.role_changed', userId: me.current.id, role: 'moderator' });
    }
    if (kind === 'other-joins') {
      room.memberCount += 1;
      toRoom(room, { type: 'member.joined', userId: newId(), role: 'member' });
    }
    if (kind === 'other-leaves' && room.memberCount > 2) {
      room.memberCount -= 1;
      toRoom(room, { type: 'member.left', userId: newId() });
    }
  }

  function snapshot(): Snapshot {
    const mine = rooms.filter((room) => room.mine !== null);
    const byId = <Value extends { id: string }>(values: Value[]) => values.sort((a, b) => (a.id < b.id ? -1 : 1));
    return {
      epoch,
      user: me.current,
      users: byId([...users.values()]),
      channels: byId(mine.map(myChannel)),
      directory: byId(rooms.filter((room) => !room.archived).map(({ id, name, topic }) => ({ id, name, topic }))),
      cursors: Object.fromEntries([
        [me.current.id, userLog.length],
        ['workspace', workspaceLog.length],
        ...mine.map((room) => [room.id, room.log.length] as const),
      ]),
    };
  }

  return {
    happen,
    snapshot,
    /** What was sent so far, by stream, each in order. */
    sent: () => new Map(sent),
    /** A page of a stream's log, as anybody in it may read it. */
    page(stream: string, after: number, limit = 500): Entry[] {
      const log = stream === 'workspace' ? workspaceLog : (rooms.find(({ id }) => id === stream)?.log ?? userLog);
      return log.slice(after, after + limit);
    },
  };
}
