import { request } from 'node:http';
import { type Config, readConfig } from '../config/config.ts';
import { StartError } from '../domain/start-error.ts';

/** `/readyz` itself gives up on the database after 2 s. */
const ANSWER_WITHIN_MS = 3_000;

/**
 * Asks the server that listens on this machine where `PORT` and `HOST` say, for orchestrators: returns when it is ready
 * (or, with `live`, when it answers) and prints what it said.
 * @throws StartError when it is not, or does not answer within 3 s
 */
export async function health({ live = false }: { readonly live?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  const { http } = readConfig(env);
  if (http.port === 0) throw new StartError('PORT is 0, so nobody knows where the server listens.');
  const { status, body } = await ask(http, live ? '/livez' : '/readyz');
  if (status !== 200) throw new StartError(`The server is not ${live ? 'alive' : 'ready'} (${status}): ${body.trim()}`);
  process.stdout.write(`${body.trim()}\n`);
}

function ask({ host, port }: Config['http'], path: string): Promise<{ status: number; body: string }> {
  const hostname = ownAddress(host);
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new StartError(`The server at ${hostname}, port ${port}, does not answer: ${reason}.`));
    const asking = request({ hostname, port, path, agent: false, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    asking.once('error', (error: NodeJS.ErrnoException) =>
      fail(error.name === 'AbortError' ? `nothing came within ${ANSWER_WITHIN_MS / 1_000} s` : error.message),
    );
    asking.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        if (body.length < 10_000) body += text;
      });
      response.once('error', (error) => fail(error.message));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asking.end();
  });
}

/** Where this machine reaches what listens on `host`: everywhere is also here. */
export function ownAddress(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
