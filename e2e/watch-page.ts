import type { BrowserContext, Page } from 'playwright-core';

/** What a page did that it should not have, and how often it was loaded. */
export interface PageWatch {
  /** Errors on the console, uncaught ones and violations of the content security policy. */
  readonly errors: string[];
  /** Addresses of other origins that were asked for. */
  readonly thirdParties: string[];
  readonly loads: number;
  /** From here on a lost connection is expected: what the browser itself logs of it does not count. */
  expectOutage(): void;
}

/** What Chromium logs, whatever the page does, when nobody listens at an address. */
const OF_AN_OUTAGE = /net::ERR_|^WebSocket connection to /;

/** Opens a page and watches it from its first byte. */
export async function openWatched(context: BrowserContext, url: string): Promise<{ page: Page; watch: PageWatch }> {
  const page = await context.newPage();
  const errors: string[] = [];
  const thirdParties: string[] = [];
  let loads = 0;
  let outageExpected = false;
  const { host } = new URL(url);

  const look = (address: string) => {
    const { protocol, host: asked } = new URL(address);
    if (protocol !== 'data:' && protocol !== 'blob:' && asked !== host) thirdParties.push(address);
  };
  page.on('request', (request) => look(request.url()));
  page.on('websocket', (socket) => look(socket.url()));
  page.on('load', () => {
    loads += 1;
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    if (!outageExpected || !OF_AN_OUTAGE.test(message.text())) errors.push(message.text());
  });
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (event) => " +
      "console.error('content security policy:', event.violatedDirective, event.blockedURI))",
  );
  await page.goto(url);
  return {
    page,
    watch: {
      errors,
      thirdParties,
      get loads() {
        return loads;
      },
      expectOutage() {
        outageExpected = true;
      },
    },
  };
}
