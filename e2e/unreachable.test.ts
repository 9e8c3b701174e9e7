import { API_PREFIX, endpoints } from '@parley/protocol';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { violationsOn } from './axe.ts';
import { setStage } from './stage.ts';

const stage = setStage();

const REFRESH = `**${API_PREFIX}${endpoints.refresh.path}`;
const BOOTSTRAP = `**${API_PREFIX}${endpoints.bootstrap.path}`;

const unreachable = (page: Page, title = 'The server cannot be reached') =>
  page.getByRole('heading', { level: 1, name: title });
const home = (page: Page) => page.getByRole('heading', { level: 1, name: 'Hello, Ana' });
const retry = (page: Page) => page.getByRole('button', { name: 'Retry now' });

let context: BrowserContext;

// Somebody who was here before.
beforeAll(async () => {
  const { page } = await stage.arrive('ana', 'Ana');
  context = page.context();
  await page.close();
}, 30_000);

/** Holds the next request to an address until it is told to go on. */
async function holdNext(page: Page, address: string): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<Route>();
  await page.route(address, held.resolve, { times: 1 });
  return async () => (await held.promise).continue();
}

test('a page that loaded just before the server went away says so, and goes on by itself once it is back', async () => {
  const [early, late] = [await context.newPage(), await context.newPage()];
  // One is held up before it knows who is there, the other one before it has anything to show.
  const goOn = [await holdNext(early, REFRESH), await holdNext(late, BOOTSTRAP)];
  for (const page of [early, late]) await page.goto(stage.server.url);
  await Promise.all([early.waitForLoadState(), late.waitForLoadState()]);
  await late.getByRole('navigation', { name: 'Channels' }).waitFor();

  await stage.server.stop();
  await Promise.all(goOn.map((release) => release()));
  for (const page of [early, late]) {
    await unreachable(page).waitFor();
    await page.getByText(/Next try in \d+|Trying…/).waitFor();
    expect(await violationsOn(page)).toEqual([]);
  }

  await stage.server.start();
  await home(early).waitFor();
  await home(late).waitFor();
  await Promise.all([early.close(), late.close()]);
});

const NOT_NOW = { status: 503, headers: { 'retry-after': '600' }, body: 'a proxy says something in HTML' };

test.each([
  ['who is there', REFRESH],
  ['the snapshot', BOOTSTRAP],
])(
  'an error in the place of %s is told for what it is, and a button does not wait for the next try',
  async (_, address) => {
    const page = await context.newPage();
    const answers = [
      { fulfil: { status: 500, headers: { 'retry-after': '600' } }, title: 'Something went wrong on the server' },
      { fulfil: { status: 504, headers: { 'retry-after': '600' } }, title: 'The server does not answer' },
      { fulfil: NOT_NOW, title: 'The server cannot be reached' },
    ];
    // The route that was added last is asked first.
    for (const { fulfil } of [...answers].reverse()) {
      await page.route(address, (route) => route.fulfill(fulfil), { times: 1 });
    }
    await page.goto(stage.server.url);
    for (const { title } of answers) {
      await unreachable(page, title).waitFor();
      await page.getByText(/Next try in \d{3}/).waitFor();
      expect(await violationsOn(page)).toEqual([]);
      await retry(page).click();
    }
    await home(page).waitFor();
    await page.close();
  },
);

test('a server that is slow to answer is waited for, which one is told', async () => {
  const page = await context.newPage();
  const goOn = await holdNext(page, REFRESH);
  await page.clock.install();
  await page.goto(stage.server.url);
  await page.clock.runFor(5_100);
  await page.getByText('Still waiting for its answer…').waitFor();
  expect(await violationsOn(page)).toEqual([]);
  await goOn();
  await page.clock.resume();
  await home(page).waitFor();
  await page.close();
});
