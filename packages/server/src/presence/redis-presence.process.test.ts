import { randomBytes } from 'node:crypto';
import { newId } from '@parley/protocol';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RedisLink } from '../redis/redis-link.ts';
import { SignedMessages } from '../redis/signed-messages.ts';
import { findRedis, type OwnRedis, startRedis } from '../test/redis-engine.ts';
import { presenceContract } from './presence.contract.ts';
import { RedisPresence } from './redis-presence.ts';

const silent = pino({ level: 'silent' });
const SECRET = randomBytes(32);
/** Beats and oblivion of tests: the same, only faster. */
const FAST = { beatMs: 100, forgetMs: 1_000 };
const soon = (expectation: () => unknown) => vi.waitFor(expectation, { timeout: 10_000, interval: 5 });

interface Node {
  readonly link: RedisLink;
  readonly presence: RedisPresence;
  readonly refused: string[];
  readonly warnings: string[];
}

const nodes: Node[] = [];
afterEach(async () => {
  for (const { presence, link } of nodes.splice(0)) {
    await presence.close();
    link.close();
  }
});

interface NodeOptions {
  readonly epoch: string;
  readonly secret?: Uint8Array;
  readonly forgetMs?: number;
}

async function openNode(url: string, { secret = SECRET, ...options }: NodeOptions): Promise<Node> {
  const link = new RedisLink(url, silent);
  await link.settled(5_000);
  const [refused, warnings]: [string[], string[]] = [[], []];
  const logger = pino({ level: 'warn' }, { write: (line) => warnings.push(line) });
  const onRefused = (fault: string) => refused.push(fault);
  const presence = new RedisPresence(link, { ...FAST, secret, logger, onRefused, ...options });
  const node = { link, presence, refused, warnings };
  nodes.push(node);
  return node;
}

async function meet(...together: readonly Node[]): Promise<void> {
  for (const { presence } of together) await soon(() => expect(presence.otherNodes()).toBe(together.length - 1));
}

describe('on the Redis that there is', () => {
  let redis: Awaited<ReturnType<typeof findRedis>>;
  beforeAll(async () => {
    redis = await findRedis();
  });
  afterAll(() => redis.stop());

  presenceContract('Redis', async (count) => {
    const epoch = newId();
    const together = await Promise.all(Array.from({ length: count }, () => openNode(redis.url, { epoch })));
    await meet(...together);
    return together.map(({ presence }) => presence);
  });

  test('[P1] a node that comes later learns of everybody, however many they are', async () => {
    const epoch = newId();
    const first = await openNode(redis.url, { epoch });
    const people = Array.from({ length: 25_000 }, () => newId());
    for (const [index, userId] of people.entries()) first.presence.set(userId, index % 2 ? 'away' : 'online');
    const second = await openNode(redis.url, { epoch });
    await soon(() => {
      expect(people.map((userId) => second.presence.stateOf(userId))).toEqual(
        people.map((_, index) => (index % 2 ? 'away' : 'online')),
      );
    });
    expect([...first.refused, ...second.refused]).toEqual([]);
  });

  test('nodes of another database hear nothing of each other', async () => {
    const [one, other] = [await openNode(redis.url, { epoch: newId() }), await openNode(redis.url, { epoch: newId() })];
    const ana = newId();
    one.presence.set(ana, 'online');
    const third = await openNode(redis.url, { epoch: newId() });
    await soon(() => expect(one.presence.stateOf(ana)).toBe('online'));
    for (const { presence, refused } of [other, third]) {
      expect([presence.stateOf(ana), presence.otherNodes(), refused]).toEqual(['offline', 0, []]);
    }
  });
});

describe('on a Redis that fails', () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  async function twoNodes({ forgetMs = FAST.forgetMs } = {}) {
    const epoch = newId();
    const open = () => openNode(redis.url, { epoch, forgetMs });
    const [here, there] = [await open(), await open()];
    await meet(here, there);
    return { epoch, here, there };
  }

  test.each([
    ['stopped', () => redis.pause(), () => redis.resume()],
    ['killed', () => redis.kill(), () => redis.start()],
  ] as const)('[P1] while Redis is %s a node knows its own people, and after that everybody', async (_, end, begin) => {
    const { here, there } = await twoNodes();
    const [ana, bob, eva] = [newId(), newId(), newId()];
    here.presence.set(ana, 'online');
    there.presence.set(bob, 'online');
    await soon(() => expect([there.presence.stateOf(ana), here.presence.stateOf(bob)]).toEqual(['online', 'online']));
    await end();
    await soon(() => expect(here.link.isUp() || there.link.isUp()).toBe(false));
    here.presence.set(eva, 'away');
    here.presence.set(ana, 'away');
    expect([here.presence.stateOf(eva), here.presence.stateOf(ana)]).toEqual(['away', 'away']);
    await soon(() => expect([there.presence.stateOf(ana), here.presence.stateOf(bob)]).toEqual(['offline', 'offline']));
    there.presence.set(bob, 'offline');
    await begin();
    await soon(() => {
      expect([ana, eva].map((userId) => there.presence.stateOf(userId))).toEqual(['away', 'away']);
      expect(here.presence.stateOf(bob)).toBe('offline');
    });
  });

  test('[P1] a short outage makes nobody seem gone, and what happened in it is made up for', async () => {
    const { here, there } = await twoNodes({ forgetMs: 8_000 });
    const [ana, bob] = [newId(), newId()];
    here.presence.set(ana, 'online');
    await soon(() => expect(there.presence.stateOf(ana)).toBe('online'));
    const seen: string[] = [];
    there.presence.onChange(() => seen.push(there.presence.stateOf(ana)));
    await redis.command('FLUSHALL');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    here.presence.set(bob, 'away');
    await soon(() => expect(there.presence.stateOf(bob)).toBe('away'));
    expect(new Set(seen)).toEqual(new Set(['online']));
  });

  test('[P1] news that a Redis refused to take are told when it takes them again', async () => {
    const { here, there } = await twoNodes();
    const ana = newId();
    await redis.command('ACL', 'SETUSER', 'default', '-publish');
    here.presence.set(ana, 'online');
    await soon(() => expect(here.warnings.join()).toContain('NOPERM'));
    await redis.command('ACL', 'SETUSER', 'default', '+publish');
    await soon(() => expect(there.presence.stateOf(ana)).toBe('online'));
    expect(here.warnings.length).toBe(1);
  });

  test('[P1] a Redis that refuses to let a node listen is asked again', async () => {
    await redis.command('ACL', 'SETUSER', 'default', '-subscribe');
    const epoch = newId();
    const node = await openNode(redis.url, { epoch });
    await soon(() => expect(node.warnings.join()).toContain('NOPERM'));
    await redis.command('ACL', 'SETUSER', 'default', '+subscribe');
    await meet(node, await openNode(redis.url, { epoch }));
  });

  test('[P1] what no node of ours has signed is counted, ignored and complained of once', async () => {
    const { epoch, here, there } = await twoNodes();
    const stranger = await openNode(redis.url, { epoch, secret: randomBytes(32) });
    const ana = newId();
    const news = JSON.stringify({ kind: 'news', news: 1, online: [ana], away: [], offline: [] });
    const channel = `parley:${epoch}:presence`;
    const signed = new SignedMessages(SECRET, epoch, 'presence between nodes');
    for (const message of [
      ...['', 'x', '\u0000', news, 'A'.repeat(65) + news, 'x'.repeat(2 * 1024 * 1024)],
      // Signed for another channel.
      signed.seal(`${channel}:x`, news),
      // Signed, and none of what nodes say.
      ...['', 'null', '[]', '{"kind":"beat","beat":-1,"news":0}', '{"kind":"later"}', '{"kind":"news","news":1}'].map(
        (text) => signed.seal(channel, text),
      ),
    ]) {
      await redis.command('PUBLISH', channel, message);
    }
    stranger.presence.set(ana, 'online');
    await soon(() => {
      expect(here.refused.filter((fault) => fault === 'oversized').length).toBe(1);
      expect(here.refused.filter((fault) => fault === 'invalid').length).toBe(6);
      // Those above, and each beat and news of the stranger.
      expect(here.refused.filter((fault) => fault === 'forged').length).toBeGreaterThan(6);
    });
    expect([here.presence.stateOf(ana), there.presence.stateOf(ana)]).toEqual(['offline', 'offline']);
    expect([here.presence.otherNodes(), stranger.presence.otherNodes()]).toEqual([1, 0]);
    expect(here.warnings.length).toBe(1);
    there.presence.set(ana, 'online');
    await soon(() => expect(here.presence.stateOf(ana)).toBe('online'));
  });
});
