import { API_PREFIX, endpoints } from '@parley/protocol';
import type { Page } from 'playwright-core';
import { beforeAll, test } from 'vitest';
import { violationsOn } from './axe.ts';
import { setStage, type Watched } from './stage.ts';
import { createChannel, openChannel, passwordOf, send, shownMessages, signIn } from './steps.ts';

const stage = setStage({ PARLEY_ACCESS_TOKEN_TTL: '10s' });

const SOON = { timeout: 20_000 };
const REFRESH = API_PREFIX + endpoints.refresh.path;

const message = (page: Page) => page.getByRole('textbox', { name: 'Message' });
const ended = (page: Page) => page.getByRole('status').getByText('Your session has ended, perhaps in another tab');
const isSignedIn = (page: Page) => page.getByRole('navigation', { name: 'Channels' }).waitFor();

/** The cookie that keeps the session, as a thief would copy it. */
async function cookieOf(page: Page): Promise<string> {
  const [cookie] = await page.context().cookies();
  return `${cookie?.name}=${cookie?.value}`;
}

let robbed: Watched;
let stolen: string;

// Before all else, since a spent token is taken for ten seconds more.
beforeAll(async () => {
  robbed = await stage.arrive('rita', 'Rita');
  await createChannel(robbed.page, { name: 'diary', kind: 'Private' });
  await message(robbed.page).fill('Dear diary');
  stolen = await cookieOf(robbed.page);
  await robbed.page.reload();
  await isSignedIn(robbed.page);
}, 30_000);

test.concurrent('[A2] signing out in one tab brings the other to sign in, which keeps what was being written there', async ({
  expect,
}) => {
  const { page: here, watch } = await stage.arrive('ana', 'Ana');
  await createChannel(here, { name: 'garden', kind: 'Private' });
  const { page: there } = await stage.open(here.context());
  await openChannel(there, 'garden');
  await message(there).fill('half a thought');
  const place = there.url();

  await here.getByRole('button', { name: 'Sign out' }).click();
  await here.getByRole('heading', { name: 'Welcome back' }).waitFor();
  expect(await ended(here).count()).toBe(0);
  await ended(there).getByText('what you had not sent is kept').waitFor();
  expect(await violationsOn(there)).toEqual([]);

  await there.reload();
  await there.getByRole('heading', { name: 'Welcome back' }).waitFor();
  await signIn(here, 'ana');
  await isSignedIn(here);
  // The other one comes along, to where it was.
  await expect.poll(() => there.url(), SOON).toBe(place);
  await expect.poll(() => message(there).inputValue(), SOON).toBe('half a thought');
  expect(watch.errors).toEqual([]);
  await here.context().close();
});

test.concurrent('somebody else who signs in in the tab finds nothing of what was being written there', async ({
  expect,
}) => {
  await stage.join('carl', 'Carl');
  const { page } = await stage.arrive('bea', 'Bea');
  await createChannel(page, { name: 'secrets', kind: 'Private' });
  await message(page).fill('nobody may know');
  const place = page.url();
  await page.evaluate(
    `fetch('${REFRESH}', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
      .then((answer) => answer.json())
      .then(({ accessToken }) => fetch('${API_PREFIX + endpoints.logout.path}',
        { method: 'POST', headers: { authorization: 'Bearer ' + accessToken } }))`,
  );
  await ended(page).waitFor();
  await signIn(page, 'carl');
  await page.getByRole('heading', { name: 'Not found' }).waitFor();
  expect(page.url()).toBe(place);
  expect(await page.content()).not.toContain('nobody may know');
  expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain('nobody may know');
  await page.context().close();
});

test.concurrent('a sign-out that the server does not hear of is refused, and the session goes on', async ({
  expect,
}) => {
  const { page } = await stage.arrive('dora', 'Dora');
  await page.route(`**${API_PREFIX}${endpoints.logout.path}`, (route) => route.abort(), { times: 1 });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('alert').getByText('The server cannot be reached.').waitFor();
  await createChannel(page, { name: 'still-here', kind: 'Private' });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  expect(await page.context().cookies()).toEqual([]);
  await page.context().close();
});

test.concurrent('two tabs renew one session at the same time, at their start and by the clock, and stay signed in', async ({
  expect,
}) => {
  const { page: one, watch } = await stage.arrive('eva', 'Eva');
  await createChannel(one, { name: 'twice', kind: 'Private' });
  const { page: other, watch: otherWatch } = await stage.open(one.context(), new URL(one.url()).pathname);
  for (let round = 0; round < 2; round += 1) await Promise.all([one.reload(), other.reload()]);
  await Promise.all([isSignedIn(one), isSignedIn(other)]);
  const renewed = (page: Page) => page.waitForResponse((answer) => answer.url().endsWith(REFRESH));
  for (const answer of await Promise.all([renewed(one), renewed(other)])) expect(answer.status()).toBe(200);
  await send(one, 'from one');
  await expect.poll(() => shownMessages(other), SOON).toEqual(['from one']);
  await send(other, 'from the other');
  await expect.poll(() => shownMessages(one), SOON).toEqual(['from one', 'from the other']);
  expect([...watch.errors, ...otherWatch.errors]).toEqual([]);
});

test.concurrent('[A2] a stolen token that is used ends the session for whoever has it, and the draft is kept', async ({
  expect,
}) => {
  const use = () =>
    fetch(stage.server.url + REFRESH, {
      method: 'POST',
      headers: { cookie: stolen, 'content-type': 'application/json' },
      body: '{}',
    });
  await expect.poll(async () => (await use()).status, SOON).toBe(401);
  const { page } = robbed;
  await ended(page).waitFor();
  await page.getByRole('textbox', { name: 'Username' }).fill('rita');
  await page.getByRole('textbox', { name: 'Password' }).fill(passwordOf('rita'));
  await page.keyboard.press('Enter');
  await expect.poll(() => message(page).inputValue(), SOON).toBe('Dear diary');
});
