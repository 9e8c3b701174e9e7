/** Why the server closes a socket, and what the client does about it. */
export const CLOSES = {
  1009: { name: 'frame_too_large', meaning: 'a frame was larger than 64 KiB', then: 'do not send it again' },
  1012: { name: 'restarting', meaning: 'the server restarts', then: 'come back after the hint in the reason' },
  4400: { name: 'protocol_error', meaning: 'the client does not speak parley.v1', then: 'do not retry as is' },
  4401: { name: 'not_authenticated', meaning: 'no valid token in time, or it ran out', then: 'sign in again' },
  4403: { name: 'session_ended', meaning: 'the session was ended', then: 'sign in again' },
  4408: { name: 'too_slow', meaning: 'the reader did not keep up', then: 'reconnect and resume' },
  4429: { name: 'flooding', meaning: 'too many frames', then: 'wait for the hint in the reason, then reconnect' },
} as const;

export type CloseCode = keyof typeof CLOSES;
