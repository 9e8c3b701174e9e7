import { fail, type Message } from '@parley/protocol';
import type { Actor } from '../domain/actor.ts';
import { roomName } from '../domain/room-name.ts';
import type { PostOutcome } from '../storage/store.ts';
import type { Services } from './services.ts';

type SendServices = Pick<Services, 'poster' | 'throttle' | 'limits' | 'clock' | 'apiLog' | 'metrics' | 'audience'>;

interface Sending {
  readonly id: string;
  readonly channelId: string;
  readonly body: string;
}

const UNLIMITED = { admitted: true, release() {} } as const;

/**
 * Posts a message, from either door. Resolves once it is committed; `duplicate` where this id was there already.
 * A resend of what was acknowledged is acknowledged again even when the sender is over the limit (rule S2): what the
 * throttle refuses is looked up before it is refused, so that a refusal always means that nothing happened (rule S3).
 * @throws throttled, channel_not_found, not_a_member, channel_archived, id_conflict, unavailable
 */
export async function sendMessage(
  services: SendServices,
  actor: Actor,
  { id, channelId, body }: Sending,
  door: 'socket' | 'rest',
): Promise<{ message: Message; duplicate: boolean }> {
  const { poster, clock, apiLog, metrics } = services;
  const { messages: limit } = services.limits;
  const admitting = limit ? services.throttle.admit(`messages:${actor.userId}`, limit) : null;
  const outcome = await poster.post(
    { id, channelId, authorId: actor.userId, body, at: clock.now(), probe: false },
    admitting?.then(({ admitted }) => !admitted),
  );
  if (outcome.status === 'posted') {
    metrics.messages.inc({ door });
    logPosted(services, actor, outcome, door);
    return { message: outcome.message, duplicate: false };
  }
  const admission = (await admitting) ?? UNLIMITED;
  if (admission.admitted) admission.release();
  switch (outcome.status) {
    case 'duplicate':
      return { message: outcome.message, duplicate: true };
    case 'refused':
      throw fail(outcome.code);
    case 'absent': {
      if (admission.admitted) throw new Error('Only what the throttle refused is looked up without being posted.');
      const room = roomName(channelId, outcome.channelName);
      apiLog.warning('THROTTLED', `User ${actor.username} exceeded message limit in room ${room}.`);
      throw fail('throttled', { retryAfterMs: admission.retryAfterMs });
    }
  }
}

function logPosted(
  { apiLog, audience }: SendServices,
  { username }: Actor,
  { message, channelName }: Extract<PostOutcome, { status: 'posted' | 'duplicate' }>,
  door: 'socket' | 'rest',
): void {
  const room = roomName(message.channelId, channelName);
  if (door === 'socket') {
    apiLog.info('WS MESSAGE RECEIVED', `User ${username} sent message (len: ${message.body.length}) to room ${room}.`);
  }
  const receivers = audience(message.channelId);
  apiLog.info('MESSAGE BROADCAST', `Message ${message.seq} of room ${room} sent to ${receivers} connections.`);
}
