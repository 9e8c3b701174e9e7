import { type ErrorCode, Failure, type Message, type MyChannel, newId, type User } from '@parley/protocol';
import type { MessageToPost, Store } from '../store.ts';

/** A database that a test has opened, whichever engine it is. */
export interface OpenedStore {
  readonly store: Store;
  /** Closes it and opens the same data again. */
  reopen(): Promise<Store>;
  close(): Promise<void>;
}

/** As many of them as the number says. */
type Many<Item, Count extends number, Found extends Item[] = []> = Found['length'] extends Count
  ? Found
  : Many<Item, Count, [...Found, Item]>;

interface ChannelOptions {
  readonly kind?: 'public' | 'private';
  readonly name?: string;
  readonly members?: readonly User[];
}

/** People, channels and messages made straight in a store, on a clock that ticks with every look at it. */
export class Cast {
  readonly store: Store;
  #now = Date.UTC(2026, 0, 1);

  constructor(store: Store) {
    this.store = store;
  }

  /** A new moment. */
  at(): number {
    this.#now += 1_000;
    return this.#now;
  }

  person(username = aName()): Promise<User> {
    const passwordHash = `hash of ${username}`;
    return this.store.registerUser({ id: newId(), username, displayName: username, passwordHash, at: this.at() });
  }

  people<Count extends number>(count: Count): Promise<Many<User, Count>> {
    return Promise.all(Array.from({ length: count }, () => this.person())) as Promise<Many<User, Count>>;
  }

  channel(owner: User, { kind = 'private', name = aName(), members = [] }: ChannelOptions = {}): Promise<MyChannel> {
    const usernames = members.map((member) => member.username);
    return this.store.createChannel({
      ...{ id: newId(), actorId: owner.id, name, kind, topic: '', usernames, at: this.at() },
    });
  }

  conversation(starter: User, ...usernames: string[]): Promise<{ channel: MyChannel; created: boolean }> {
    return this.store.startConversation({ id: newId(), actorId: starter.id, usernames, at: this.at() });
  }

  /** A message that is not posted yet. */
  message(author: User, channel: { id: string }, body = 'hello'): MessageToPost {
    return { id: newId(), channelId: channel.id, authorId: author.id, body, at: this.at(), probe: false };
  }

  /** Posts one message, which is expected to be accepted. */
  async post(author: User, channel: { id: string }, body?: string): Promise<Message> {
    const [outcome] = await this.store.postMessages([this.message(author, channel, body)]);
    if (outcome?.status !== 'posted') throw new Error(`The message was not posted: ${JSON.stringify(outcome)}`);
    return outcome.message;
  }

  add(actor: User, channel: { id: string }, ...users: User[]): Promise<{ added: string[]; already: string[] }> {
    const usernames = users.map((user) => user.username);
    return this.store.addMembers({ actorId: actor.id, channelId: channel.id, usernames, at: this.at() });
  }

  remove(actor: User, channel: { id: string }, user: User): Promise<void> {
    return this.store.removeMember({ actorId: actor.id, channelId: channel.id, userId: user.id, at: this.at() });
  }

  join(user: User, channel: { id: string }): Promise<MyChannel> {
    return this.store.joinChannel({ userId: user.id, channelId: channel.id, at: this.at() });
  }

  leave(user: User, channel: { id: string }): Promise<void> {
    return this.store.leaveChannel({ userId: user.id, channelId: channel.id, at: this.at() });
  }

  appoint(actor: User, channel: { id: string }, user: User, role: 'owner' | 'moderator' | 'member') {
    return this.store.changeMemberRole({
      ...{ actorId: actor.id, channelId: channel.id, userId: user.id, role, at: this.at() },
    });
  }

  read(user: User, channel: { id: string }, seq: number): Promise<{ seq: number; unread: number }> {
    return this.store.advanceRead({ userId: user.id, channelId: channel.id, seq, at: this.at() });
  }

  /** The channel as its member sees it now. */
  async mine(user: User, channel: { id: string }): Promise<MyChannel> {
    const channels = await this.store.listMyChannels({ userId: user.id });
    const found = channels.find(({ id }) => id === channel.id);
    if (!found) throw new Error('The channel is not among theirs.');
    return found;
  }

  /** Everybody's role in a channel, by username. */
  async roles(asker: User, channel: { id: string }): Promise<Record<string, string>> {
    const { members } = await this.store.listMembers({ userId: asker.id, channelId: channel.id, limit: 500 });
    return Object.fromEntries(members.map(({ user, role }) => [user.username, role]));
  }
}

/** The code with which something was refused; a success or a fault of ours fails the test. */
export async function refusalOf(attempt: Promise<unknown>): Promise<ErrorCode> {
  const result = await attempt.then(
    (value) => new Error(`This was expected to be refused, and gave ${JSON.stringify(value)}`),
    (error) => error,
  );
  if (result instanceof Failure) return result.code;
  throw result;
}

function aName(): string {
  return `p${newId().slice(-12)}`;
}
