import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Audience, MOST_GATHERED_BYTES } from './audience.ts';
import { batchOf } from './batch.ts';
import { frameOf } from './frames.ts';
import { entryAt, rest } from './test/by-hand.ts';
import { type Peer, STREAMS, type Stream, World } from './test/world.ts';
import { Turn } from './turn.ts';

const upTo = (last: number, after: number) => Array.from({ length: last - after }, (_, index) => after + index + 1);
const stream = fc.constantFrom(...STREAMS);
const peer = fc.nat(7);
const step = fc.oneof(
  fc.record({ does: fc.constant('say' as const), stream, count: fc.integer({ min: 1, max: 4 }), isLost: fc.boolean() }),
  fc.record({ does: fc.constant('shout' as const), stream, count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ does: fc.constant('follow' as const), stream, peer }),
  fc.record({ does: fc.constant('leave' as const), stream, peer }),
  fc.record({ does: fc.constant('answer' as const), peer }),
  fc.record({ does: fc.constant('stick' as const), peer }),
  fc.record({ does: fc.constant('goOn' as const), peer }),
  fc.record({ does: fc.constant('remove' as const), stream, peer, isLost: fc.boolean() }),
  fc.record({ does: fc.constant('turn' as const) }),
);

describe('an audience', () => {
  test('[D1] [D2] [A1] whoever comes, goes, lags, sticks or is removed: each is sent all it may read, without gap or repetition', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), async (steps) => {
        const world = new World();
        const peers = Array.from({ length: 8 }, (_, index) => world.connect(`peer ${index}`));
        for (const [index, one] of peers.entries()) for (const name of STREAMS) if (index % 3 > 0) one.follow(name);
        for (const act of steps) {
          const who = 'peer' in act ? (peers[act.peer] as Peer) : null;
          if (act.does === 'say') world.say(act.stream, act.count, 20, act.isLost);
          else if (act.does === 'shout') world.say(act.stream, act.count, 30_000, false);
          else if (act.does === 'follow') who?.follow(act.stream);
          else if (act.does === 'answer') who?.sink.write(frameOf({ type: 'pong', ref: 1 }));
          else if (act.does === 'stick') who?.stick();
          else if (act.does === 'goOn') who?.goOn();
          else if (act.does === 'remove') who?.beRemoved(act.stream, act.isLost);
          else if (act.does === 'turn') await rest();
          else who?.leave(act.stream);
        }
        for (let turn = 0; turn < 40; turn += 1) await rest();
        for (const one of peers) {
          expect([one.wire.gaps, one.wire.failures]).toEqual([[], []]);
          for (const [name, { after, last }] of one.places) {
            const seqs = one.wire.seqs(name);
            expect(seqs).toEqual(upTo(seqs.at(-1) ?? after, after));
            expect(seqs.at(-1) ?? after).toBeLessThanOrEqual(last);
          }
        }
        // Nobody who has gone is still counted, and nobody who is there is forgotten.
        for (const name of STREAMS) {
          const readers = peers.filter((one) => one.isAt(name)).length;
          expect([world.hub.receivers(name), world.bus.followed.has(name)]).toEqual([readers, readers > 0]);
        }
        // Nobody is left behind who takes what is written.
        for (const one of peers.filter((each) => !each.isStuck)) {
          for (const [name, { after }] of one.places) {
            if (one.isAt(name)) expect(one.wire.seqs(name).at(-1) ?? after).toBe(world.heads()[name]);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test('what one turn brings of one stream is one write for each, the same bytes for all', async () => {
    const world = new World();
    const peers = [world.connect(), world.connect(), world.connect()];
    for (const one of peers) one.follow('north');
    await rest();
    for (let said = 0; said < 5; said += 1) world.say('north', 2, 20, false);
    await rest();
    expect(peers.map(({ writes }) => writes)).toEqual([1, 1, 1]);
    expect(peers.map(({ wire }) => wire.seqs('north'))).toEqual([upTo(10, 0), upTo(10, 0), upTo(10, 0)]);
  });

  test('what one turn brings of several streams, and of answers, is one write as well', async () => {
    const world = new World();
    const one = world.connect();
    for (const name of STREAMS) one.follow(name);
    await rest();
    for (const name of STREAMS) world.say(name, 1, 20, false);
    await rest();
    expect([one.writes, one.wire.frames.length]).toEqual([1, 3]);
    world.say('north', 1, 20, false);
    one.sink.write(frameOf({ type: 'pong', ref: 1 }));
    await rest();
    expect([one.writes, one.wire.frames.length]).toEqual([2, 5]);
  });

  test('[A1] whoever is removed is sent the removal and what came before it in the same turn, and nothing after', async () => {
    const world = new World();
    const [stays, goes] = [world.connect('stays'), world.connect('goes')];
    for (const one of [stays, goes]) one.follow('north');
    await rest();
    world.say('north', 2, 20, false);
    const removed = world.remove('north', 'goes');
    world.say('north', 2, 20, false);
    await rest();
    expect([goes.wire.seqs('north'), stays.wire.seqs('north')]).toEqual([upTo(removed, 0), upTo(removed + 3, 0)]);
    expect(world.hub.receivers('north')).toBe(1);
  });

  test('a beat never tells of what is still to be written', async () => {
    const world = new World();
    const one = world.connect();
    one.follow('north');
    await rest();
    world.say('north', 3, 20, false);
    const place = one.places.get('north')?.subscription;
    expect(place?.takeMovedHead()).toBe(null);
    await rest();
    expect([place?.takeMovedHead(), place?.takeMovedHead()]).toEqual([3, null]);
  });

  test('several that overflow in one turn leave all their streams while the others are written to', async () => {
    const world = new World();
    const peers = Array.from({ length: 6 }, () => world.connect());
    for (const one of peers) for (const name of STREAMS) one.follow(name);
    await rest();
    for (const one of peers.filter((_, index) => index % 2 === 0)) one.isStuck = true;
    for (let said = 0; said < 60; said += 1) {
      world.say(STREAMS[said % 3] as Stream, 1, 30_000, false);
      if (said % 10 === 0) await rest();
    }
    for (let turn = 0; turn < 20; turn += 1) await rest();
    expect(peers.map(({ isTooSlow }) => isTooSlow)).toEqual([true, false, true, false, true, false]);
    for (const one of peers.filter((_, index) => index % 2 === 1)) {
      for (const name of STREAMS) expect(one.wire.seqs(name)).toEqual(upTo(20, 0));
    }
    expect(world.hub.receivers('north')).toBe(3);
  });

  test('[D1] whoever comes in while all others overflow is not forgotten', async () => {
    const world = new World();
    const [slow, fresh] = [world.connect('slow'), world.connect('fresh')];
    slow.follow('north');
    slow.stick();
    for (let said = 0; said < 8; said += 1) {
      world.say('north', 4, 30_000, false);
      await rest();
    }
    expect(slow.isTooSlow).toBe(false);
    world.say('north', 4, 30_000, false);
    fresh.follow('north');
    await rest();
    expect(slow.isTooSlow).toBe(true);
    world.say('north', 2, 20, false);
    await rest();
    expect(fresh.wire.seqs('north')).toEqual([37, 38]);
    expect([world.hub.receivers('north'), [...world.bus.followed]]).toEqual([1, ['north']]);
  });

  test('whoever leaves in the midst of a turn is sent what it brought so far, and the others are not written to twice', async () => {
    const world = new World();
    const [first, second, third] = ['first', 'second', 'third'].map((userId) => world.connect(userId));
    const peers = [first, second, third] as Peer[];
    for (const one of peers) one.follow('north');
    await rest();
    world.say('north', 3, 20, false);
    first?.leave('north');
    world.say('north', 1, 20, false);
    const removed = world.remove('north', 'second');
    await rest();
    expect(peers.map(({ wire }) => wire.seqs('north'))).toEqual([upTo(3, 0), upTo(removed, 0), upTo(removed + 1, 0)]);
    expect(peers.map(({ writes }) => writes)).toEqual([1, 1, 1]);
  });

  test('what is too much to be kept for the end of the turn is written before', async () => {
    const world = new World();
    const one = world.connect();
    one.follow('north');
    await rest();
    for (let said = 0; said < 40; said += 1) {
      world.say('north', 1, 30_000, false);
      expect(said + 1 - one.wire.seqs('north').length).toBeLessThan(5);
    }
    await rest();
    expect([one.wire.seqs('north'), one.isTooSlow]).toEqual([upTo(40, 0), false]);
    const { writes } = one;
    for (let said = 0; said < 5; said += 1) world.say('north', 1, 20, false);
    await rest();
    expect(one.writes).toBe(writes + 1);
  });

  test('whoever was ahead of what had been delivered here joins the others as soon as they have caught up', async () => {
    const world = new World();
    const [old, fresh] = [world.connect('old'), world.connect('fresh')];
    old.follow('north');
    await rest();
    world.lose('north');
    fresh.follow('north');
    world.say('north', 1, 20, false);
    await rest();
    world.say('north', 1, 20, false);
    await rest();
    expect([old, fresh].map(({ wire }) => wire.seqs('north'))).toEqual([upTo(3, 0), upTo(3, 1)]);
    expect([old, fresh].map(({ places }) => places.get('north')?.subscription.seat)).toEqual([0, 1]);
  });

  test('what is more than one write is cut into pieces once, for all', async () => {
    const world = new World();
    const peers = [world.connect(), world.connect()];
    for (const one of peers) one.follow('north');
    await rest();
    world.say('north', 12, 30_000, false);
    await rest();
    expect(peers.map(({ wire, writes }) => [wire.seqs('north'), writes])).toEqual(peers.map(() => [upTo(12, 0), 3]));
    expect(peers[0]?.firstWrite).toBe(peers[1]?.firstWrite);
  });

  test('[D1] only what comes next, and fits into a turn, is taken', () => {
    const audience = new Audience(new Turn(), 3);
    const batch = (first: number, bytes: number) => {
      return { ...batchOf([entryAt(first)]), chunk: Buffer.alloc(bytes) };
    };
    expect(audience.canTake(batch(4, 1))).toBe(false);
    audience.add({ sink: { write() {}, pass() {}, flush() {} }, seat: -1, stepOut() {} });
    expect([3, 4, 5].map((first) => audience.canTake(batch(first, 1)))).toEqual([false, true, false]);
    expect([0, 1].map((over) => audience.canTake(batch(4, MOST_GATHERED_BYTES + over)))).toEqual([true, false]);
    audience.take(batch(4, 1));
    expect([4, 5].map((first) => audience.canTake(batch(first, 1)))).toEqual([false, true]);
  });

  test('who is not of it can leave it as often as they like: nobody else goes', () => {
    const audience = new Audience(new Turn(), 3);
    const someone = () => ({ sink: { write() {}, pass() {}, flush() {} }, seat: -1, stepOut() {} });
    const [member, stranger] = [someone(), someone()];
    audience.add(member);
    audience.remove(stranger);
    expect([audience.members, member.seat]).toEqual([[member], 0]);
    for (let times = 0; times < 2; times += 1) audience.remove(member);
    expect([audience.size, member.seat]).toEqual([0, -1]);
  });
});
