import { newId } from '@parley/protocol';

/** Bytes of a message's body. Every frame that carries one is longer; every other frame of a run is shorter. */
export const BODY_BYTES = 200;

const BODY = 'The quick brown fox jumps over the lazy dog. '.repeat(5).slice(0, BODY_BYTES);

/** A `send` frame's text and the id that it gave its message. */
export function newMessage(ref: number, channelId: string): { id: string; text: string } {
  const id = newId();
  return { id, text: `{"type":"send","ref":${ref},"id":"${id}","channelId":"${channelId}","body":"${BODY}"}` };
}
