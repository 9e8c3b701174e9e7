import { type AnyEndpoint, endpoints, Failure } from '@parley/protocol';
import type { Call, Parts } from './call.ts';
import type { Session } from './session.ts';
import type { Rest } from './types.ts';

/** Makes a function of every endpoint. One that needs a token renews it, once, where the server no longer takes it. */
export function createRest(call: Call, session: Session): Rest {
  async function callSignedIn(endpoint: AnyEndpoint, parts: Parts): Promise<unknown> {
    const token = await session.token();
    try {
      return await call(endpoint, parts, token);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.code === 'session_ended') await session.ended(error.code);
      if (error.code !== 'invalid_token') throw error;
    }
    return call(endpoint, parts, await session.renew(token));
  }

  const functions = Object.entries<AnyEndpoint>(endpoints).map(([name, endpoint]) => [
    name,
    (parts: Parts = {}) => (endpoint.auth === 'none' ? call(endpoint, parts, null) : callSignedIn(endpoint, parts)),
  ]);
  // The table gives each function its name and its endpoint; `Rest` says the same in types.
  return Object.fromEntries(functions) as Rest;
}
