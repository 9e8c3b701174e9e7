import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Router } from './router.ts';

/** Serves `/metrics` to whoever brings the token; to others the path does not exist. */
export function metricsRoute(router: Router, metrics: Pick<Metrics, 'render' | 'contentType'>, token: string): void {
  const expected = digest(`Bearer ${token}`);
  router.get('/metrics', async (context) => {
    if (!timingSafeEqual(digest(context.req.header('Authorization') ?? ''), expected)) return context.notFound();
    context.header('Content-Type', metrics.contentType);
    context.header('Cache-Control', 'no-store');
    return context.body(await metrics.render());
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Serves metrics without a token on a port of their own, for a network that only the operator reaches. */
export async function startMetricsServer(
  { host, port }: { readonly host: string; readonly port: number },
  metrics: Pick<Metrics, 'render' | 'contentType'>,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') return response.writeHead(404).end();
    try {
      const text = await metrics.render();
      return response.writeHead(200, { 'Content-Type': metrics.contentType }).end(text);
    } catch {
      return response.writeHead(500).end();
    }
  });
  await listen(server, port, host);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
