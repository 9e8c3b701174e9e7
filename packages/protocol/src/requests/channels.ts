import * as z from 'zod/mini';
import { endpoint } from '../endpoint.ts';
import { Id } from '../ids.ts';
import { ChannelName, ChannelView, MyChannel, Topic, Username } from '../models.ts';

export const ChannelParams = z.object({ id: Id });

/** Most people that one request may name. */
const USERNAMES_AT_ONCE = 100;
export const Usernames = z.array(Username).check(z.minLength(1), z.maxLength(USERNAMES_AT_ONCE));

export const listChannels = endpoint({
  method: 'GET',
  path: '/channels',
  tag: 'Channels',
  summary: 'My channels with role, head and unread; with `discover=true`, the public ones that I could join.',
  auth: 'bearer',
  query: z.strictObject({ discover: z.optional(z.enum(['true', 'false'])) }),
  statuses: [200],
  answer: z.object({ channels: z.array(ChannelView) }),
  errors: [],
});

export const createChannel = endpoint({
  method: 'POST',
  path: '/channels',
  tag: 'Channels',
  summary: 'Create a channel with its first members. All of them are added, or nothing happens.',
  auth: 'bearer',
  body: z.strictObject({
    name: ChannelName,
    kind: z.enum(['public', 'private']),
    topic: z.optional(Topic),
    members: z.optional(z.array(Username).check(z.maxLength(USERNAMES_AT_ONCE))),
  }),
  statuses: [201],
  answer: MyChannel,
  errors: ['channel_name_taken', 'user_not_found'],
});

export const startConversation = endpoint({
  method: 'POST',
  path: '/conversations',
  tag: 'Channels',
  summary: 'Open the direct conversation with these people; the same people always share the same one.',
  auth: 'bearer',
  body: z.strictObject({ usernames: z.array(Username).check(z.minLength(1), z.maxLength(9)) }),
  statuses: [201, 200],
  answer: MyChannel,
  errors: ['user_not_found'],
});

export const getChannel = endpoint({
  method: 'GET',
  path: '/channels/{id}',
  tag: 'Channels',
  summary: 'One channel: mine, or a public one.',
  auth: 'bearer',
  params: ChannelParams,
  statuses: [200],
  answer: ChannelView,
  errors: ['channel_not_found'],
});

export const updateChannel = endpoint({
  method: 'PATCH',
  path: '/channels/{id}',
  tag: 'Channels',
  summary: 'Rename, set the topic, archive or bring back. `rev` is the one the change was based on.',
  auth: 'bearer',
  params: ChannelParams,
  body: z.strictObject({
    name: z.optional(ChannelName),
    topic: z.optional(Topic),
    archived: z.optional(z.boolean()),
    rev: z.int(),
  }),
  statuses: [200],
  answer: ChannelView,
  errors: [
    'channel_not_found',
    'not_a_member',
    'forbidden',
    'channel_name_taken',
    'channel_archived',
    'direct_fixed',
    'rev_conflict',
  ],
});

export const joinChannel = endpoint({
  method: 'POST',
  path: '/channels/{id}/join',
  tag: 'Channels',
  summary: 'Join a public channel. Joining again changes nothing.',
  auth: 'bearer',
  params: ChannelParams,
  statuses: [200],
  answer: MyChannel,
  errors: ['channel_not_found', 'channel_archived'],
});

export const leaveChannel = endpoint({
  method: 'POST',
  path: '/channels/{id}/leave',
  tag: 'Channels',
  summary: 'Leave a channel. When its last owner leaves, the longest-standing moderator or member becomes one.',
  auth: 'bearer',
  params: ChannelParams,
  statuses: [204],
  errors: ['channel_not_found', 'not_a_member', 'direct_fixed'],
});
