import { newId } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { type Cast, refusalOf } from '../test/cast.ts';

export function channelsContract(cast: () => Cast): void {
  describe('channels', () => {
    test('a new channel has its owner and its first members, named in any letter case and once', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const { store } = cast();
      const usernames = [bob, eve, bob, ana].map((user) => user?.username.toUpperCase() ?? '');
      const channel = await store.createChannel({
        ...{ id: newId(), actorId: ana.id, name: 'first', kind: 'private', topic: 'tea', usernames, at: 1 },
      });
      expect(channel).toMatchObject({ memberCount: 3, topic: 'tea', role: 'owner', unread: 0, rev: 1, head: 4 });
      expect(Object.values(await cast().roles(ana, channel)).sort()).toEqual(['member', 'member', 'owner']);
    });

    test('a channel with an unknown first member is not made at all, and every unknown name is told', async () => {
      const [ana, bob] = await cast().people(2);
      const name = newId();
      const usernames = [bob.username, 'no.such.one', 'nor.this'];
      const attempt = cast().store.createChannel({
        ...{ id: newId(), actorId: ana.id, name, kind: 'public', topic: '', usernames, at: 1 },
      });
      await expect(attempt).rejects.toMatchObject({
        code: 'user_not_found',
        message: 'There is nobody called no.such.one, nor.this.',
      });
      expect(await cast().store.listMyChannels({ userId: bob.id })).toEqual([]);
      expect((await cast().channel(ana, { kind: 'public', name })).name).toBe(name);
    });

    test('a public name is taken in any letter case, also by an archived channel and when two come at once', async () => {
      const ana = await cast().person();
      const first = await cast().channel(ana, { kind: 'public', name: 'Ünder Böhmen' });
      expect(await refusalOf(cast().channel(ana, { kind: 'public', name: 'ÜNDER BÖHMEN' }))).toBe('channel_name_taken');
      const update = { actorId: ana.id, channelId: first.id, rev: 1, archived: true, at: cast().at() };
      await cast().store.updateChannel(update);
      expect(await refusalOf(cast().channel(ana, { kind: 'public', name: 'ünder böhmen' }))).toBe('channel_name_taken');
      const both = await Promise.allSettled([
        cast().channel(ana, { kind: 'public', name: 'twins' }),
        cast().channel(ana, { kind: 'public', name: 'Twins' }),
      ]);
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    });

    test('private names may repeat, so that a name tells nobody what exists', async () => {
      const [ana, bob] = await cast().people(2);
      const name = newId();
      await cast().channel(ana, { name });
      await cast().channel(bob, { name });
      const open = await cast().channel(bob, { kind: 'public', name });
      const mine = await cast().channel(ana, { name: 'before' });
      const renamed = await cast().store.updateChannel({
        ...{ actorId: ana.id, channelId: mine.id, rev: 1, name: open.name ?? '', at: cast().at() },
      });
      expect(renamed.name).toBe(name);
    });

    test('a private channel answers an outsider exactly as one that does not exist', async () => {
      const [ana, eve] = await cast().people(2);
      const hidden = await cast().channel(ana);
      const { store } = cast();
      const userId = eve.id;
      for (const channelId of [hidden.id, newId(), ana.id, 'workspace']) {
        const attempts = [
          store.getChannel({ userId, channelId }),
          store.joinChannel({ userId, channelId, at: 1 }),
          store.leaveChannel({ userId, channelId, at: 1 }),
          store.listMembers({ userId, channelId, limit: 1 }),
          store.listMessages({ userId, channelId, limit: 1 }),
          store.advanceRead({ userId, channelId, seq: 1, at: 1 }),
          store.addMembers({ actorId: userId, channelId, usernames: [eve.username], at: 1 }),
          store.addMembers({ actorId: userId, channelId, usernames: ['no.such.one'], at: 1 }),
          store.updateChannel({ actorId: userId, channelId, rev: 9, topic: 'x', at: 1 }),
          store.updateChannel({ actorId: userId, channelId, rev: 1, archived: true, at: 1 }),
          store.changeMemberRole({ actorId: userId, channelId, userId: ana.id, role: 'member', at: 1 }),
          store.removeMember({ actorId: userId, channelId, userId: ana.id, at: 1 }),
          store.removeMember({ actorId: userId, channelId, userId, at: 1 }),
        ];
        expect(await Promise.all(attempts.map(refusalOf))).toEqual(attempts.map(() => 'channel_not_found'));
        const [posted, probed] = await store.postMessages([
          cast().message(eve, { id: channelId }),
          { ...cast().message(eve, { id: channelId }), probe: true },
        ]);
        expect([posted, probed]).toEqual(Array(2).fill({ status: 'refused', code: 'channel_not_found' }));
      }
    });

    test('the same people share one conversation, whoever starts it, in any letter case and however often named', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const { channel, created } = await cast().conversation(ana, bob.username);
      expect(created).toBe(true);
      expect(channel).toMatchObject({ kind: 'direct', name: null, role: 'member', memberCount: 2 });
      expect(channel.participants).toEqual([ana.id, bob.id].sort());
      const name = bob.username;
      for (const names of [[name], [name.toUpperCase()], [name, name.toUpperCase(), ana.username]]) {
        const again = await cast().conversation(ana, ...names);
        expect([again.channel.id, again.created]).toEqual([channel.id, false]);
      }
      const back = await cast().conversation(bob, ana.username);
      expect([back.channel.id, back.created]).toEqual([channel.id, false]);
      const three = await cast().conversation(ana, name, eve.username);
      expect([three.channel.id === channel.id, three.created]).toEqual([false, true]);
      expect(await refusalOf(cast().conversation(ana, name, 'no.such.one'))).toBe('user_not_found');
    });

    test('two who start the same conversation at once get the same one; a conversation with oneself works', async () => {
      const [ana, bob] = await cast().people(2);
      const both = await Promise.all([cast().conversation(ana, bob.username), cast().conversation(bob, ana.username)]);
      expect(both[0].channel.id).toBe(both[1].channel.id);
      expect(both.map(({ created }) => created).sort()).toEqual([false, true]);
      const notes = await cast().conversation(ana, ana.username);
      expect(notes.channel).toMatchObject({ memberCount: 1, participants: [ana.id] });
    });

    test('[E1] of two changes based on the same revision one wins, and the other is told', async () => {
      const ana = await cast().person();
      const { id: channelId } = await cast().channel(ana);
      const change = (topic: string, rev: number) =>
        cast().store.updateChannel({ actorId: ana.id, channelId, rev, topic, at: cast().at() });
      const both = await Promise.allSettled([change('one', 1), change('two', 1)]);
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      expect(await refusalOf(change('three', 1))).toBe('rev_conflict');
      expect(await refusalOf(change('one', 1))).toBe('rev_conflict');
      expect(await change('three', 2)).toMatchObject({ topic: 'three', rev: 3 });
    });

    test('a change that changes nothing adds no revision and no entry', async () => {
      const ana = await cast().person();
      const { id: channelId, name, head } = await cast().channel(ana, { kind: 'public' });
      const update = { actorId: ana.id, channelId, rev: 1, name: name ?? '', topic: '', archived: false, at: 1 };
      expect(await cast().store.updateChannel(update)).toMatchObject({ rev: 1, head });
    });

    test('an archived channel takes no posts, joins, additions or changes until it is brought back', async () => {
      const [ana, bob, eve] = await cast().people(3);
      const channel = await cast().channel(ana, { kind: 'public', members: [bob] });
      const { store } = cast();
      const actorId = ana.id;
      const channelId = channel.id;
      await store.updateChannel({ actorId, channelId, rev: 1, archived: true, at: cast().at() });
      const before = await store.readHeads({ streams: [channelId] });
      const attempts = [
        cast().join(eve, channel),
        cast().add(ana, channel, eve),
        cast().appoint(ana, channel, bob, 'moderator'),
        store.updateChannel({ actorId, channelId, rev: 2, topic: 'x', at: 1 }),
        store.updateChannel({ actorId, channelId, rev: 2, topic: 'x', archived: true, at: 1 }),
      ];
      expect(await Promise.all(attempts.map(refusalOf))).toEqual(attempts.map(() => 'channel_archived'));
      const refused = [{ status: 'refused', code: 'channel_archived' }];
      expect(await store.postMessages([cast().message(bob, channel)])).toEqual(refused);
      expect(await store.readHeads({ streams: [channelId] })).toEqual(before);
      expect(await store.discoverChannels({ userId: eve.id })).not.toContainEqual(
        expect.objectContaining({ id: channelId }),
      );
      const back = { actorId, channelId, rev: 2, archived: false, topic: 'again', at: cast().at() };
      expect(await store.updateChannel(back)).toMatchObject({ archived: false, topic: 'again', rev: 3 });
      await cast().post(bob, channel);
      expect((await cast().join(eve, channel)).memberCount).toBe(3);
    });

    test('one may discover what is public, living and not yet mine, by name', async () => {
      const [ana, eve] = await cast().people(2);
      const prefix = newId();
      const mine = await cast().channel(eve, { kind: 'public', name: `${prefix} b` });
      const zed = await cast().channel(ana, { kind: 'public', name: `${prefix} Z` });
      const a = await cast().channel(ana, { kind: 'public', name: `${prefix} a` });
      await cast().channel(ana, { name: `${prefix} hidden` });
      const found = await cast().store.discoverChannels({ userId: eve.id });
      const ofTest = found.filter(({ name }) => name?.startsWith(prefix));
      expect(ofTest.map(({ id }) => id)).toEqual([a.id, zed.id]);
      expect(ofTest.every((channel) => channel.role === undefined)).toBe(true);
      expect(mine.role).toBe('owner');
    });
  });
}
