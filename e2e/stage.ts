import { type Client, createClient } from '@parley/client';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { launchBrowser } from './browser.ts';
import { prepareServer, type ServerProcess } from './server-process.ts';
import { passwordOf, register } from './steps.ts';
import { openWatched, type PageWatch } from './watch-page.ts';

/** A page and what is known of it. */
export interface Watched {
  readonly page: Page;
  readonly watch: PageWatch;
}

/** A running server and a browser, which the tests of one file share. */
export interface Stage {
  readonly server: ServerProcess;
  /** A browser of its own, as far as cookies and storage go. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** Opens the server's page, or another address on it, in `context`. */
  open(context: BrowserContext, path?: string): Promise<Watched>;
  /** Somebody new, with a browser of their own, who has just registered. */
  arrive(username: string, displayName: string, options?: BrowserContextOptions): Promise<Watched>;
  /** Somebody new, without a browser. */
  join(username: string, displayName: string): Promise<Client>;
}

const WIDE = { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' } as const;

/** To be called at the top of a file: the server, with `env` over the defaults, and the browser come and go with it. */
export function setStage(env: Readonly<Record<string, string>> = {}): Stage {
  let server: ServerProcess;
  let browser: Browser;
  const clients: Client[] = [];
  const opened: Watched[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([prepareServer(env), launchBrowser()]);
    await server.start();
  }, 60_000);

  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const { page, watch } of opened) if (!page.isClosed()) console.error(page.url(), watch.errors);
  });

  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await browser?.close();
    await server?.dispose();
  }, 30_000);

  const newContext = (options: BrowserContextOptions = {}) => browser.newContext({ ...WIDE, ...options });

  async function open(context: BrowserContext, path = '/'): Promise<Watched> {
    const watched = await openWatched(context, server.url + path);
    watched.page.setDefaultTimeout(15_000);
    opened.push(watched);
    return watched;
  }

  return {
    get server() {
      return server;
    },
    newContext,
    open,
    async arrive(username, displayName, options) {
      const watched = await open(await newContext(options));
      await register(watched.page, { username, displayName });
      return watched;
    },
    async join(username, displayName) {
      const client = createClient({ url: server.url });
      clients.push(client);
      await client.register({ username, displayName, password: passwordOf(username) });
      await client.connect();
      return client;
    },
  };
}
