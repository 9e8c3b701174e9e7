/** Below this every REST request lives. */
export const API_PREFIX = '/api/v1';
export const SOCKET_PATH = '/api/v1/socket';
export const SUBPROTOCOL = 'parley.v1';
/** Most bytes in one socket frame, and in one request body. */
export const MAX_FRAME_BYTES = 64 * 1024;

/**
 * Raise `revision` and paste the new hash whenever the schemas change: the test that compares them makes each change
 * of the protocol a deliberate act. History: 1, the first public surface.
 */
export const PROTOCOL = {
  revision: 1,
  hash: '77c73f7c6d6a868593fe1c333058deabb6744746253e93f2fb82dc9d3413c20e',
} as const;
