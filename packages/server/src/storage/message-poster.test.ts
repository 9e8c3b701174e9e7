import { fail, newId } from '@parley/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessagePoster } from './message-poster.ts';
import type { MessageToPost, PostOutcome } from './store.ts';

/** A store that keeps its batches until a test commits them. */
class SlowStore {
  readonly batches: (readonly MessageToPost[])[] = [];
  readonly #commits: PromiseWithResolvers<PostOutcome[]>[] = [];

  postMessages(batch: readonly MessageToPost[]): Promise<PostOutcome[]> {
    const commit = Promise.withResolvers<PostOutcome[]>();
    this.batches.push(batch);
    this.#commits.push(commit);
    return commit.promise;
  }

  /** Answers batch `place`, each message by the name of its channel. */
  commit(place: number): void {
    const outcomes = this.batches[place]?.map(
      ({ channelId }) => ({ status: 'absent', channelName: channelId }) as const,
    );
    this.#commits[place]?.resolve(outcomes ?? []);
  }

  fail(place: number): void {
    this.#commits[place]?.reject(fail('unavailable'));
  }
}

/** A store whose batches end in any order, and of which some fail, before or after they have been committed. */
class UnreliableStore {
  /** The ids of what was committed, in order. */
  readonly log: string[] = [];
  readonly #chance: (percent: number) => boolean;

  constructor(chance: (percent: number) => boolean) {
    this.#chance = chance;
  }

  async postMessages(batch: readonly MessageToPost[]): Promise<PostOutcome[]> {
    while (this.#chance(60)) await turn();
    if (this.#chance(15)) throw fail('unavailable');
    for (const { id } of batch) if (!this.log.includes(id)) this.log.push(id);
    if (this.#chance(15)) throw fail('unavailable');
    while (this.#chance(40)) await turn();
    return batch.map(({ channelId }) => ({ status: 'absent', channelName: channelId }));
  }
}

/** Sends without waiting until a failure is heard of; then waits for all answers, and goes on with what failed. */
async function sendAhead(
  poster: MessagePoster,
  messages: readonly MessageToPost[],
  chance: (percent: number) => boolean,
): Promise<void> {
  const throttled = async () => {
    while (chance(50)) await turn();
    return false;
  };
  let left = messages;
  while (left.length > 0) {
    const failed = new Set<MessageToPost>();
    let hasHeard = false;
    const answers: Promise<unknown>[] = [];
    for (const message of left) {
      while (chance(30)) await turn();
      if (hasHeard) failed.add(message);
      else {
        const hear = () => {
          failed.add(message);
          hasHeard = true;
        };
        answers.push(poster.post(message, chance(30) ? throttled() : undefined).catch(hear));
      }
    }
    await Promise.all(answers);
    left = left.filter((message) => failed.has(message));
  }
}

/** A message whose outcome can be told from others by the name it carries. */
const aMessage = (name: string): MessageToPost => ({
  ...{ id: newId(), channelId: name, authorId: 'ana', body: '', at: 0, probe: false },
});
const turn = () => new Promise((resolve) => setImmediate(resolve));
const names = (batch: readonly MessageToPost[] | undefined) => batch?.map(({ channelId }) => channelId);
const numbered = (count: number, first = 0) => Array.from({ length: count }, (_, index) => `${first + index}`);

describe('the message poster', () => {
  test('messages of one turn share a batch, and each gets its own outcome', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const posting = numbered(5).map((name) => poster.post(aMessage(name)));
    expect(store.batches.length).toBe(0);
    await turn();
    expect(store.batches.map(names)).toEqual([numbered(5)]);
    store.commit(0);
    expect(await Promise.all(posting)).toEqual(numbered(5).map((name) => ({ status: 'absent', channelName: name })));
  });

  test('[O3] while three batches are being committed all others gather, in their order, and share the next', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const posting: Promise<PostOutcome>[] = [];
    for (const name of numbered(10)) {
      posting.push(poster.post(aMessage(name)));
      await turn();
    }
    expect(store.batches.map(names)).toEqual([['0'], ['1'], ['2']]);
    store.commit(0);
    await turn();
    await turn();
    expect(store.batches.map(names)).toEqual([['0'], ['1'], ['2'], numbered(7, 3)]);
    for (const place of [1, 2, 3]) store.commit(place);
    await Promise.all(posting);
  });

  test('[O3] a crowd is cut into bounded batches without changing its order', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const posting = numbered(2_000).map((name) => poster.post(aMessage(name)));
    for (let place = 0; place < 4; place += 1) {
      await turn();
      await turn();
      expect(store.batches[place]?.length).toBeLessThanOrEqual(512);
      store.commit(place);
    }
    await Promise.all(posting);
    expect(store.batches.flatMap(names)).toEqual(numbered(2_000));
  });

  test('[O3] what one sends to a channel waits until what they sent before is committed, and holds up nobody else', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const posting = [poster.post(aMessage('room'))];
    await turn();
    const others = [{ ...aMessage('room'), authorId: 'bob' }, aMessage('another room')];
    for (const message of [aMessage('room'), ...others, aMessage('room')]) posting.push(poster.post(message));
    await turn();
    expect(store.batches.slice(1)).toEqual([others]);
    store.commit(0);
    await turn();
    await turn();
    expect(store.batches.slice(2).map(names)).toEqual([['room', 'room']]);
    for (const place of [1, 2]) store.commit(place);
    await Promise.all(posting);
  });

  test('[O3] a message waits in its place until it is known whether it is a probe', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const probe = Promise.withResolvers<boolean>();
    const [first, second, elsewhere] = [aMessage('room'), aMessage('room'), aMessage('another room')];
    const posting = [poster.post(first, probe.promise), poster.post(second), poster.post(elsewhere)];
    await turn();
    expect(store.batches).toEqual([[elsewhere]]);
    probe.resolve(true);
    await turn();
    await turn();
    expect(store.batches[1]).toEqual([{ ...first, probe: true }, second]);
    for (const place of [0, 1]) store.commit(place);
    await Promise.all(posting);
  });

  test('a message of which it cannot be known whether it is a probe fails with those behind it', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const before = poster.post(aMessage('room'));
    const broken = poster.post(aMessage('room'), Promise.reject(new Error('no throttle')));
    const behind = poster.post(aMessage('room'));
    await expect(broken).rejects.toThrow('no throttle');
    await expect(behind).rejects.toMatchObject({ code: 'unavailable' });
    await turn();
    store.commit(0);
    expect(await before).toMatchObject({ channelName: 'room' });
    expect(store.batches.map(names)).toEqual([['room']]);
  });

  test('[O3] with a failure fails what was received before its answer left, and nothing that comes later', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const failing = poster.post(aMessage('room'));
    await turn();
    const undecided = Promise.withResolvers<boolean>();
    const behind = [poster.post(aMessage('room')), poster.post(aMessage('room'), undecided.promise)];
    const elsewhere = poster.post(aMessage('another room'));
    store.fail(0);
    await expect(failing).rejects.toMatchObject({ code: 'unavailable' });
    behind.push(poster.post(aMessage('room')));
    const failures = await Promise.allSettled(behind);
    expect(failures.map((failure) => failure.status === 'rejected' && failure.reason.code)).toEqual(
      Array(3).fill('unavailable'),
    );
    undecided.resolve(false);
    await turn();
    const later = poster.post(aMessage('room'));
    await turn();
    await turn();
    expect(store.batches.slice(1).flatMap(names).sort()).toEqual(['another room', 'room']);
    for (const place of [1, 2]) store.commit(place);
    await Promise.all([elsewhere, later]);
  });

  test('[O3] [S3] whatever fails, those who send ahead and repeat what failed find their messages in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(99)), async (dice) => {
        const chance = (percent: number) => (dice.next().value as number) < percent;
        const store = new UnreliableStore(chance);
        const poster = new MessagePoster(store);
        const authors = ['ana', 'bob'].flatMap((authorId) => ['one', 'two'].map((room) => ({ authorId, room })));
        const sent = authors.map(({ authorId, room }) => numbered(25).map(() => ({ ...aMessage(room), authorId })));
        await Promise.all(sent.map((messages) => sendAhead(poster, messages, chance)));
        for (const messages of sent) {
          const ids = new Set(messages.map(({ id }) => id));
          expect(store.log.filter((id) => ids.has(id))).toEqual([...ids]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a batch that fails fails its own messages, and the next ones go on', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const lost = poster.post(aMessage('lost'));
    await turn();
    store.fail(0);
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    const next = poster.post(aMessage('next'));
    await turn();
    store.commit(1);
    expect(await next).toMatchObject({ channelName: 'next' });
  });

  test('too many that wait are refused at once instead of being kept', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const posting = numbered(10_000).map((name) => poster.post(aMessage(name)));
    await expect((async () => poster.post(aMessage('too many')))()).rejects.toMatchObject({ code: 'unavailable' });
    await turn();
    const later = poster.post(aMessage('later'));
    for (let place = 0; place < 41; place += 1) {
      store.commit(place);
      await turn();
      await turn();
    }
    await Promise.all([...posting, later]);
    expect(store.batches.flatMap(names)).toEqual([...numbered(10_000), 'later']);
  });
});
