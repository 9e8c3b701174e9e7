/** Below this every REST request lives. */
export const API_PREFIX = '/api/v1';
export const SOCKET_PATH = '/api/v1/socket';
export const SUBPROTOCOL = 'parley.v1';
/** Most bytes in one socket frame, and in one request body. */
export const MAX_FRAME_BYTES = 64 * 1024;

/**
 * Raise `revision` and paste the new hash whenever the schemas change: the test that compares them makes each change
 * of the protocol a deliberate act. History: 1, the first public surface; 2, presence (`watch`, `active`, `presence`).
 */
export const PROTOCOL = {
  revision: 2,
  hash: 'f5f452a61c12c2e9bb36d7fb69439ab605be311cafc68ea73fb97faaafe0f37f',
} as const;
