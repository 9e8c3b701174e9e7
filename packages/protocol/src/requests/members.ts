import * as z from 'zod/mini';
import { endpoint } from '../endpoint.ts';
import { Id } from '../ids.ts';
import { ChannelRole, Member, Username } from '../models.ts';
import { ChannelParams, Usernames } from './channels.ts';
import { wholeNumber } from './query.ts';

const MemberParams = z.object({ id: Id, userId: Id });

export const listMembers = endpoint({
  method: 'GET',
  path: '/channels/{id}/members',
  tag: 'Members',
  summary: 'The members by username, a page at a time: ask again with `after` = `next` until it is null.',
  auth: 'bearer',
  params: ChannelParams,
  query: z.strictObject({
    after: z.optional(Username),
    limit: z._default(wholeNumber(1, 500), 100),
  }),
  statuses: [200],
  answer: z.object({ members: z.array(Member), next: z.nullable(z.string()) }),
  errors: ['channel_not_found', 'not_a_member'],
});

export const addMembers = endpoint({
  method: 'POST',
  path: '/channels/{id}/members',
  tag: 'Members',
  summary: 'Add people by username. All are added, or, where one is unknown, none.',
  auth: 'bearer',
  params: ChannelParams,
  body: z.strictObject({ usernames: Usernames }),
  statuses: [200],
  answer: z.object({ added: z.array(z.string()), already: z.array(z.string()) }),
  errors: ['channel_not_found', 'not_a_member', 'forbidden', 'user_not_found', 'channel_archived', 'direct_fixed'],
});

export const changeMemberRole = endpoint({
  method: 'PATCH',
  path: '/channels/{id}/members/{userId}',
  tag: 'Members',
  summary: 'Make a member owner, moderator or member.',
  auth: 'bearer',
  params: MemberParams,
  body: z.strictObject({ role: ChannelRole }),
  statuses: [200],
  answer: Member,
  errors: [
    'channel_not_found',
    'not_a_member',
    'forbidden',
    'user_not_found',
    'last_owner',
    'direct_fixed',
    'channel_archived',
  ],
});

export const removeMember = endpoint({
  method: 'DELETE',
  path: '/channels/{id}/members/{userId}',
  tag: 'Members',
  summary: 'Remove a member. They read and receive nothing of what follows.',
  auth: 'bearer',
  params: MemberParams,
  statuses: [204],
  errors: ['channel_not_found', 'not_a_member', 'forbidden', 'user_not_found', 'direct_fixed'],
});
