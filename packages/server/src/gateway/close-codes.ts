import { type CloseCode, Failure } from '@parley/protocol';
import type { Departure } from '../delivery/attendance.ts';

/** The codes that ws closes with by itself where the peer breaks the WebSocket protocol, by its errors; else 1002. */
const CODES_OF_WS: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/** What ws has closed with because of this error of its own. */
export function closeOf(errorOfWs: string): number {
  return CODES_OF_WS[errorOfWs] ?? 1002;
}

/** What a connection whose hello was refused is closed with. */
export function closeFor(error: unknown): CloseCode {
  if (!(error instanceof Failure) || error.remedy === 'retry') return 1012;
  return error.code === 'session_ended' ? 4403 : 4401;
}

/** 1000 says that the client does not mean to come back: its person signs out, or stops it. */
export function departureBy(code: number): Departure {
  if (code === 1000 || code === 4403) return 'for-good';
  return code === 1012 ? 'restart' : 'lost';
}
