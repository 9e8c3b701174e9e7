import { API_PREFIX, endpoints } from '@parley/protocol';
import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { violationsOn } from './axe.ts';
import { setStage } from './stage.ts';

const stage = setStage();

const REFRESH = `**${API_PREFIX}${endpoints.refresh.path}`;
const BOOTSTRAP = `**${API_PREFIX}${endpoints.bootstrap.path}`;

const unreachable = (page: Page, title = 'The server cannot be reached') =>
  page.getByRole('heading', { level: 1, name: title });
const home = (page: Page, name: string) => page.getByRole('heading', { level: 1, name: `Hello, ${name}` });
const retry = (page: Page) => page.getByRole('button', { name: 'Retry now' });

/** Somebody who was here before, and whose next page will begin without an answer to one request. */
async function returning(username: string, displayName: string) {
  const { page, watch } = await stage.arrive(username, displayName);
  const context = page.context();
  await page.close();
  expect(watch.errors).toEqual([]);
  return context;
}

/** Holds the next request to an address until it is told to go on. */
async function holdNext(page: Page, address: string): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<Route>();
  await page.route(address, held.resolve, { times: 1 });
  return async () => (await held.promise).continue();
}

test('a page that loaded just before the server went away says so, and goes on by itself once it is back', async () => {
  const contexts = [await returning('ana', 'Ana'), await returning('boris', 'Boris')] as const;
  const [early, late] = [await contexts[0].newPage(), await contexts[1].newPage()];
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
  await home(early, 'Ana').waitFor();
  await home(late, 'Boris').waitFor();
});

const NOT_NOW = { status: 503, headers: { 'retry-after': '600' }, body: 'a proxy says something in HTML' };

test.each([
  ['who is there', REFRESH],
  ['the snapshot', BOOTSTRAP],
])(
  'an error in the place of %s is told for what it is, and a button does not wait for the next try',
  async (_, address) => {
    const context = await returning(`chioma.${address === REFRESH ? 1 : 2}`, 'Chioma');
    const page = await context.newPage();
    const answers = [
      { fulfil: { status: 500, headers: { 'retry-after': '600' } }, title: 'Something went wrong on the server' },
      { fulfil: { status: 504, headers: { 'retry-after': '600' } }, title: 'The server does not answer' },
      { fulfil: NOT_NOW, title: 'The server cannot be reached' },
    ];
    for (const { fulfil } of [...answers].reverse())
      await page.route(address, (route) => route.fulfill(fulfil), { times: 1 });
    await page.goto(stage.server.url);
    for (const { title } of answers) {
      await unreachable(page, title).waitFor();
      await page.getByText(/Next try in \d{3}/).waitFor();
      expect(await violationsOn(page)).toEqual([]);
      await retry(page).click();
    }
    await home(page, 'Chioma').waitFor();
    await context.close();
  },
);

test('a server that is slow to answer is waited for, which one is told', async () => {
  const context = await returning('dana', 'Dana');
  const page = await context.newPage();
  const goOn = await holdNext(page, REFRESH);
  await page.clock.install();
  await page.goto(stage.server.url);
  await page.clock.runFor(5_100);
  await page.getByText('Still waiting for its answer…').waitFor();
  expect(await violationsOn(page)).toEqual([]);
  await goOn();
  await page.clock.resume();
  await home(page, 'Dana').waitFor();
  await context.close();
});
