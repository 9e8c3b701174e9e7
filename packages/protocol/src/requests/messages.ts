import * as z from 'zod/mini';
import { endpoint } from '../endpoint.ts';
import { Id, Seq } from '../ids.ts';
import { Entry, Message, MessageBody } from '../models.ts';
import { ChannelParams } from './channels.ts';
import { wholeNumber } from './query.ts';

const SeqInQuery = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const listMessages = endpoint({
  method: 'GET',
  path: '/channels/{id}/messages',
  tag: 'Messages',
  summary: 'A page of messages, ascending: the latest, or those before, after or around a seq.',
  auth: 'bearer',
  params: ChannelParams,
  query: z
    .strictObject({
      before: z.optional(SeqInQuery),
      after: z.optional(SeqInQuery),
      around: z.optional(SeqInQuery),
      limit: z._default(wholeNumber(1, 100), 50),
    })
    .check(
      z.refine(
        ({ before, after, around }) => [before, after, around].filter((seq) => seq !== undefined).length <= 1,
        'takes one of before, after and around',
      ),
    ),
  statuses: [200],
  answer: z.object({ messages: z.array(Message), head: Seq }),
  errors: ['channel_not_found', 'not_a_member'],
});

export const postMessage = endpoint({
  method: 'POST',
  path: '/channels/{id}/messages',
  tag: 'Messages',
  summary: 'Send a message: 201, or 200 where this id was already there. Name it yourself to be able to retry.',
  auth: 'bearer',
  params: ChannelParams,
  body: z.strictObject({ id: z.optional(Id), body: MessageBody }),
  statuses: [201, 200],
  answer: Message,
  errors: ['channel_not_found', 'not_a_member', 'channel_archived', 'id_conflict', 'throttled'],
});

export const markRead = endpoint({
  method: 'POST',
  path: '/channels/{id}/read',
  tag: 'Messages',
  summary: 'Move my read cursor forward to a seq; a lower one changes nothing.',
  auth: 'bearer',
  params: ChannelParams,
  body: z.strictObject({ seq: Seq }),
  statuses: [200],
  answer: z.object({ seq: Seq, unread: z.int() }),
  errors: ['channel_not_found', 'not_a_member'],
});

export const readLog = endpoint({
  method: 'GET',
  path: '/channels/{id}/log',
  tag: 'Live',
  summary: "A page of the channel's log: everything that happened in it, in order.",
  auth: 'bearer',
  params: ChannelParams,
  query: z.strictObject({
    after: z._default(SeqInQuery, 0),
    limit: z._default(wholeNumber(1, 500), 100),
  }),
  statuses: [200],
  answer: z.object({ entries: z.array(Entry), head: Seq }),
  errors: ['channel_not_found', 'not_a_member'],
});
