import { type ErrorCode, fail, newId, type User } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { type Cast, refusalOf } from '../test/cast.ts';

export function membersContract(cast: () => Cast): void {
  describe('members', () => {
    test('all are added, or, where one name is unknown, nobody is', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const channel = await cast().channel(ana, { members: [bob] });
      const { store } = cast();
      const add = (...usernames: string[]) =>
        store.addMembers({ actorId: ana.id, channelId: channel.id, usernames, at: cast().at() });
      const before = await store.readHeads({ streams: [channel.id, eve.id] });
      await expect(add(eve.username, 'no.such.one', 'nor.this')).rejects.toMatchObject({
        code: 'user_not_found',
        details: { errors: [{ message: 'unknown: no.such.one' }, { message: 'unknown: nor.this' }] },
      });
      expect(await store.readHeads({ streams: [channel.id, eve.id] })).toEqual(before);
      const names = [bob.username, eve.username.toUpperCase(), eve.username];
      expect(await add(...names)).toEqual({ added: [eve.username], already: [bob.username] });
      expect(await add(eve.username)).toEqual({ added: [], already: [eve.username] });
      expect((await cast().mine(eve, channel)).memberCount).toBe(3);
    });

    test('who may do what: the whole table of roles', async () => {
      const people = await cast().people(8);
      const [owner, moderator, member, outsider, otherOwner, otherModerator, otherMember, newcomer] = people;
      const members = [moderator, member, otherOwner, otherModerator, otherMember];
      const isOwner = (actor: User) => actor === owner;
      /** What each does to a channel made for it alone, and what the answer is to members; outsiders get their own. */
      type Attempt = (actor: User, channel: { id: string }) => Promise<unknown>;
      const table: [string, Attempt, { owner: Answer; moderator: Answer; member: Answer; direct: Answer }][] = [
        [
          'add somebody',
          (actor, channel) => cast().add(actor, channel, newcomer),
          row('ok', 'ok', 'ok', 'direct_fixed'),
        ],
        [
          'set the topic',
          (actor, channel) => update(actor, channel, { topic: 'x' }),
          row('ok', 'ok', 'forbidden', 'direct_fixed'),
        ],
        [
          'rename',
          (actor, channel) => update(actor, channel, { name: newId() }),
          row('ok', 'ok', 'forbidden', 'direct_fixed'),
        ],
        [
          'archive',
          (actor, channel) => update(actor, channel, { archived: true }),
          row('ok', 'forbidden', 'forbidden', 'direct_fixed'),
        ],
        [
          'remove a member',
          (actor, channel) => cast().remove(actor, channel, otherMember),
          row('ok', 'ok', 'forbidden', 'direct_fixed'),
        ],
        [
          'remove a moderator',
          (actor, channel) => cast().remove(actor, channel, otherModerator),
          row('ok', 'forbidden', 'forbidden', 'direct_fixed'),
        ],
        [
          'remove an owner',
          (actor, channel) => cast().remove(actor, channel, otherOwner),
          row('ok', 'forbidden', 'forbidden', 'direct_fixed'),
        ],
        [
          'appoint',
          (actor, channel) => cast().appoint(actor, channel, otherMember, 'owner'),
          row('ok', 'forbidden', 'forbidden', 'direct_fixed'),
        ],
        [
          'appoint oneself',
          (actor, channel) => cast().appoint(actor, channel, actor, isOwner(actor) ? 'member' : 'owner'),
          row('ok', 'forbidden', 'forbidden', 'direct_fixed'),
        ],
        ['post', (actor, channel) => postOrThrow(cast(), actor, channel), row('ok', 'ok', 'ok', 'ok')],
        [
          'read',
          (actor, channel) => cast().store.listMessages({ userId: actor.id, channelId: channel.id, limit: 1 }),
          row('ok', 'ok', 'ok', 'ok'),
        ],
        [
          'list members',
          (actor, channel) => cast().store.listMembers({ userId: actor.id, channelId: channel.id, limit: 1 }),
          row('ok', 'ok', 'ok', 'ok'),
        ],
        ['move the read cursor', (actor, channel) => cast().read(actor, channel, 1), row('ok', 'ok', 'ok', 'ok')],
        ['join again', (actor, channel) => cast().join(actor, channel), row('ok', 'ok', 'ok', 'ok')],
        ['leave', (actor, channel) => cast().leave(actor, channel), row('ok', 'ok', 'ok', 'direct_fixed')],
      ];
      const update = (actor: User, { id: channelId }: { id: string }, change: object) =>
        cast().store.updateChannel({ actorId: actor.id, channelId, rev: 1, ...change, at: cast().at() });
      const staffed = async (kind: 'public' | 'private') => {
        const channel = await cast().channel(owner, { kind, members });
        for (const [who, role] of [
          [moderator, 'moderator'],
          [otherModerator, 'moderator'],
          [otherOwner, 'owner'],
        ] as const) {
          await cast().appoint(owner, channel, who, role);
        }
        return channel;
      };

      for (const [what, attempt, expected] of table) {
        for (const kind of ['public', 'private'] as const) {
          for (const [standing, actor] of Object.entries({ owner, moderator, member })) {
            const answer = await answerTo(attempt(actor, await staffed(kind)));
            expect([kind, standing, what, answer]).toEqual([kind, standing, what, expected[standing as 'owner']]);
          }
          const answer = await answerTo(attempt(outsider, await staffed(kind)));
          const joins = what === 'join again' ? 'ok' : 'not_a_member';
          expect([kind, what, answer]).toEqual([kind, what, kind === 'public' ? joins : 'channel_not_found']);
        }
        const { channel } = await cast().conversation(otherMember, otherModerator.username, otherOwner.username);
        const answers = [await answerTo(attempt(otherOwner, channel)), await answerTo(attempt(outsider, channel))];
        expect(['direct', what, ...answers]).toEqual(['direct', what, expected.direct, 'channel_not_found']);
      }
    }, 30_000);

    test('the last owner keeps the role until there is another one', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      expect(await refusalOf(cast().appoint(ana, channel, ana, 'moderator'))).toBe('last_owner');
      expect((await cast().appoint(ana, channel, ana, 'owner')).role).toBe('owner');
      expect((await cast().appoint(ana, channel, bob, 'owner')).role).toBe('owner');
      expect((await cast().appoint(ana, channel, ana, 'member')).role).toBe('member');
      expect(await refusalOf(cast().appoint(ana, channel, bob, 'member'))).toBe('forbidden');
    });

    test('when the last owner leaves, the longest-standing moderator becomes owner, else the longest-standing member', async () => {
      const [ana, bob, eve, max] = await cast().people(4);
      const channel = await cast().channel(ana, { members: [bob, eve, max] });
      await cast().appoint(ana, channel, max, 'moderator');
      await cast().appoint(ana, channel, eve, 'moderator');
      await cast().leave(ana, channel);
      expect(await cast().roles(bob, channel)).toEqual({
        ...{ [bob.username]: 'member', [eve.username]: 'owner', [max.username]: 'moderator' },
      });
      await cast().remove(eve, channel, max);
      await cast().remove(eve, channel, eve);
      expect(await cast().roles(bob, channel)).toEqual({ [bob.username]: 'owner' });
    });

    test('an owner who leaves beside another owner is not succeeded', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const channel = await cast().channel(ana, { members: [bob, eve] });
      await cast().appoint(ana, channel, eve, 'owner');
      await cast().leave(ana, channel);
      expect(await cast().roles(bob, channel)).toEqual({ [bob.username]: 'member', [eve.username]: 'owner' });
    });

    test('whoever joins a public channel that everybody has left becomes its owner', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const channel = await cast().channel(ana, { kind: 'public' });
      await cast().leave(ana, channel);
      expect((await cast().join(bob, channel)).role).toBe('owner');
      expect((await cast().join(eve, channel)).role).toBe('member');
    });

    test('[A1] a removal stands in the channel’s log and in the person’s own, and ends every right at once', async () => {
      const [ana, bob] = await cast().people(2);
      const { store } = cast();
      const channel = await cast().channel(ana, { members: [bob] });
      const { seq } = await cast().post(bob, channel);
      await cast().remove(ana, channel, bob);
      const { entries } = await store.readEntries({ stream: channel.id, after: seq, limit: 10 });
      expect(entries).toMatchObject([{ actor: ana.id, event: { type: 'member.removed', userId: bob.id } }]);
      const own = await store.readEntries({ stream: bob.id, after: 1, limit: 10 });
      expect(own.entries).toMatchObject([
        { actor: ana.id, event: { type: 'membership.removed', channelId: channel.id, seq: seq + 1 } },
      ]);
      const attempts = [
        cast().read(bob, channel, 1),
        store.listMessages({ userId: bob.id, channelId: channel.id, limit: 1 }),
        store.readLog({ userId: bob.id, stream: channel.id, after: 0, limit: 1 }),
        store.getChannel({ userId: bob.id, channelId: channel.id }),
        cast().leave(bob, channel),
        postOrThrow(cast(), bob, channel),
      ];
      expect(await Promise.all(attempts.map(refusalOf))).toEqual(attempts.map(() => 'channel_not_found'));
      const subscriptions = await store.listSubscriptions({ userId: bob.id });
      expect(subscriptions.map(({ stream }) => stream).sort()).toEqual([bob.id, 'workspace'].sort());
      expect(await refusalOf(cast().remove(ana, channel, bob))).toBe('user_not_found');
      expect(await refusalOf(cast().appoint(ana, channel, bob, 'owner'))).toBe('user_not_found');
    });

    test('[U1] to be added again starts at the new place with nothing unread, whatever was before', async () => {
      const [ana, bob] = await cast().people(2);
      const channel = await cast().channel(ana, { members: [bob] });
      await cast().post(ana, channel);
      await cast().remove(ana, channel, bob);
      const { ordinal } = await cast().post(ana, channel);
      await cast().add(ana, channel, bob);
      const mine = await cast().mine(bob, channel);
      expect(mine).toMatchObject({ role: 'member', unread: 0, readOrdinal: ordinal, readSeq: mine.head });
      const places = await cast().store.listSubscriptions({ userId: bob.id });
      expect(places.find(({ stream }) => stream === channel.id)?.joinedSeq).toBe(mine.head);
    });

    test('members are listed by username, every page once', async () => {
      const ana = await cast().person('Zoe.first');
      const others = await Promise.all(
        ['b.second', 'A.third', 'C.fourth', 'a.fifth'].map((name) => cast().person(name)),
      );
      const channel = await cast().channel(ana, { members: others });
      const names: string[] = [];
      let after: string | undefined;
      do {
        const page = await cast().store.listMembers({ userId: ana.id, channelId: channel.id, after, limit: 2 });
        names.push(...page.members.map(({ user }) => user.username));
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(names).toEqual(['a.fifth', 'A.third', 'b.second', 'C.fourth', 'Zoe.first']);
      const all = await cast().store.listMembers({ userId: ana.id, channelId: channel.id, limit: 5 });
      expect([all.members.length, all.next]).toEqual([5, null]);
    });
  });
}

type Answer = 'ok' | ErrorCode;

function row(owner: Answer, moderator: Answer, member: Answer, direct: Answer) {
  return { owner, moderator, member, direct };
}

function answerTo(attempt: Promise<unknown>): Promise<Answer> {
  return attempt.then(
    () => 'ok',
    () => refusalOf(attempt),
  );
}

async function postOrThrow(cast: Cast, author: User, channel: { id: string }): Promise<void> {
  const [outcome] = await cast.store.postMessages([cast.message(author, channel)]);
  if (outcome?.status === 'refused') throw fail(outcome.code);
}
