import { fail, newId } from '@parley/protocol';
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

  test('[O3] while two batches are being committed all others gather, in their order, and share the next', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const posting: Promise<PostOutcome>[] = [];
    for (const name of numbered(10)) {
      posting.push(poster.post(aMessage(name)));
      await turn();
    }
    expect(store.batches.map(names)).toEqual([['0'], ['1']]);
    store.commit(0);
    await turn();
    await turn();
    expect(store.batches.map(names)).toEqual([['0'], ['1'], numbered(8, 2)]);
    for (const place of [1, 2]) store.commit(place);
    await Promise.all(posting);
  });

  test('[O3] a crowd is cut into bounded batches without changing its order', async () => {
    const store = new SlowStore();
    const poster = new MessagePoster(store);
    const posting = numbered(1_000).map((name) => poster.post(aMessage(name)));
    for (let place = 0; place < 4; place += 1) {
      await turn();
      await turn();
      expect(store.batches[place]?.length).toBeLessThanOrEqual(256);
      store.commit(place);
    }
    await Promise.all(posting);
    expect(store.batches.flatMap(names)).toEqual(numbered(1_000));
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
