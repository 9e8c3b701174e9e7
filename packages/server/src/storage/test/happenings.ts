import { Failure, newId, type User } from '@parley/protocol';
import * as fc from 'fast-check';
import type { Cast } from './cast.ts';

const KINDS = [
  ...(['create', 'talk', 'add', 'add', 'join', 'leave', 'remove', 'remove', 'appoint', 'appoint'] as const),
  ...(['rename', 'set-topic', 'archive', 'archive', 'post', 'post', 'post-many', 'post-again', 'read'] as const),
  ...(['sign-in-and-out', 'promote', 'register'] as const),
];

/** Something that somebody tries to do; the numbers pick who, where and whom among those there are. */
export interface Happening {
  readonly kind: (typeof KINDS)[number];
  readonly who: number;
  readonly where: number;
  readonly whom: number;
  readonly what: number;
}

export const aHappening: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constantFrom(...KINDS),
  who: fc.nat(100),
  where: fc.nat(100),
  whom: fc.nat(100),
  what: fc.nat(100),
});

/** Some people and what they do to each other's channels, through every operation that writes. */
export class World {
  readonly people: User[];
  readonly #cast: Cast;
  readonly #channels: { id: string }[] = [];
  readonly #posted: ReturnType<Cast['message']>[] = [];

  constructor(cast: Cast, people: readonly User[]) {
    this.#cast = cast;
    this.people = [...people];
  }

  /** Tries it. What is refused did not happen, and that is fine; anything else but a refusal is thrown. */
  async try(happening: Happening): Promise<void> {
    try {
      await this.#do(happening);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  async #do({ kind, ...picks }: Happening): Promise<unknown> {
    const cast = this.#cast;
    const { store } = cast;
    const who = pick(this.people, picks.who);
    const whom = pick(this.people, picks.whom);
    if (this.#channels.length === 0) return this.#open(cast.channel(who, { kind: 'public', members: this.people }));
    const channel = pick(this.#channels, picks.where);
    const update = async (change: object) => {
      const { rev } = await store.getChannel({ userId: who.id, channelId: channel.id });
      const at = cast.at();
      return store.updateChannel({ actorId: who.id, channelId: channel.id, rev, ...change, at });
    };
    switch (kind) {
      case 'create':
        return this.#open(cast.channel(who, { kind: picks.what % 2 ? 'public' : 'private', members: this.people }));
      case 'talk':
        return cast.conversation(who, whom.username).then(({ channel: direct }) => cast.post(whom, direct));
      case 'add':
        return cast.add(who, channel, whom, pick(this.people, picks.what));
      case 'join':
        return cast.join(who, channel);
      case 'leave':
        return cast.leave(who, channel);
      case 'remove':
        return cast.remove(who, channel, whom);
      case 'appoint':
        return cast.appoint(who, channel, whom, pick(['owner', 'moderator', 'member'] as const, picks.what));
      case 'rename':
        return update({ name: `name ${picks.what}` });
      case 'set-topic':
        return update({ topic: `topic ${picks.what}` });
      case 'archive':
        return update({ archived: picks.what % 3 === 0 });
      case 'post':
        return this.#post([cast.message(who, channel)]);
      case 'post-many':
        return this.#post(
          [whom, who, whom].map((author, index) => cast.message(author, pick(this.#channels, picks.what + index))),
        );
      case 'post-again':
        return (
          this.#posted.length > 0 && store.postMessages([pick(this.#posted, picks.what), cast.message(who, channel)])
        );
      case 'read':
        return cast.read(who, channel, picks.what);
      case 'sign-in-and-out':
        return this.#signInAndOut(who);
      case 'promote':
        return store.promoteToOwner({ username: who.username, at: cast.at() });
      case 'register':
        return this.people.length < 8 && this.people.push(await cast.person());
    }
  }

  async #open(opening: Promise<{ id: string }>): Promise<void> {
    const { id } = await opening;
    if (this.#channels.length < 4) this.#channels.push({ id });
  }

  #post(messages: ReturnType<Cast['message']>[]): Promise<unknown> {
    this.#posted.push(...messages);
    return this.#cast.store.postMessages(messages);
  }

  async #signInAndOut(user: User): Promise<void> {
    const { store } = this.#cast;
    const [id, token, at] = [newId(), newId(), this.#cast.at()];
    await store.createSession({ id, userId: user.id, refreshTokenHash: token, at, expiresAt: at * 2 });
    await store.setPasswordHash({ userId: user.id, passwordHash: token });
    await store.rotateRefreshToken({ hash: token, successorHash: newId(), at, graceMs: 0 });
    await store.rotateRefreshToken({ hash: token, successorHash: newId(), at: at + 1, graceMs: 0 });
  }
}

function pick<Item>(items: readonly Item[], place: number): Item {
  return items[place % items.length] as Item;
}
