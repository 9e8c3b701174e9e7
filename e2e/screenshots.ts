import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '@parley/client';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from './browser.ts';
import { prepareServer } from './server-process.ts';
import { addPeople, openChannel, passwordOf, register, signIn } from './steps.ts';

/** Takes a picture of every screen, light and dark, wide and on a phone, into `e2e/screenshots`, for people to look at. */

const FOLDER = join(import.meta.dirname, 'screenshots');
const SCHEMES = ['light', 'dark'] as const;
const SIZES = {
  wide: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
} as const;

/** How a server answers that is in trouble, and wants to be left alone for some seconds. */
const FAILING = { status: 500, headers: { 'retry-after': '9' } };

const PEOPLE = [
  { username: 'ana', displayName: 'Ana Ruiz' },
  { username: 'boris', displayName: 'Boris Lind' },
  { username: 'chioma', displayName: 'Chioma Okafor' },
  { username: 'eliska', displayName: 'Eliška Nováková' },
];

const SAID: readonly (readonly [author: number, body: string])[] = [
  [1, 'Morning all. The seed order is in, it should be here by Thursday.'],
  [2, 'I can pick it up, I am in town anyway.'],
  [
    0,
    'Perfect, thank you!\n\nWhile you are there:\n  – twine\n  – two bags of compost\n  – labels, if they have wooden ones',
  ],
  [2, 'Will do.'],
  [
    3,
    'It is the third time this week that the pump stops at night and starts again by itself in the morning. I looked ' +
      'at the timer and it is set as it was all summer, so it must be the pump itself or the float switch. Boris, did ' +
      'you not have a spare one in the shed? If so I would swap them on Saturday and see what happens; if it still ' +
      'stops then, we know at least what it is not.',
  ],
  [3, `https://example.org/an/address/without/any/break/${'that-goes-on/'.repeat(9)}?and=ends&here=at-last`],
  [1, 'I do, on the shelf to the left of the door. Take it.'],
  [1, 'ok'],
  [0, 'صباح الخير جميعاً'],
  [0, 'Saturday it is, then. I will bring the long ladder.'],
];

const server = await prepareServer({ PARLEY_THROTTLE_SIGN_IN: 'off', PARLEY_THROTTLE_REGISTER: 'off' });
await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
await server.start();
const browser = await launchBrowser();
try {
  const clients = await furnish(server.url);
  const open: { page: Page; name: string }[] = [];
  for (const scheme of SCHEMES) {
    for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) open.push(await visit(browser, scheme, size));
  }
  for (const client of clients) client.disconnect();
  await server.stop();
  for (const { page, name } of open) {
    await page.getByText('You are offline.').waitFor();
    await take(page, `offline-${name}`);
  }
  await server.start();
  for (const { page, name } of open) {
    await page.getByText('You are offline.').waitFor({ state: 'detached' });
    await archiveUnder(page, name);
    await take(page, `archived-${name}`);
    await endSession(page);
    await take(page, `session-ended-${name}`);
  }
} finally {
  await browser.close();
  await server.dispose();
}
console.log(`The screenshots are in ${FOLDER}`);

/** People, channels and what they said in them. One of the people stays online, one is away, the others have left. */
async function furnish(url: string): Promise<Client[]> {
  const clients = PEOPLE.map(() => createClient({ url }));
  for (const [index, person] of PEOPLE.entries()) {
    await clients[index]?.register({ ...person, password: passwordOf(person.username) });
    await clients[index]?.connect();
  }
  const [ana, boris, chioma, eliska] = clients;
  if (!ana || !boris || !chioma || !eliska) return [];
  const others = PEOPLE.slice(1).map(({ username }) => username);
  const create = async (name: string, kind: 'public' | 'private', topic: string, members: string[]) =>
    (await ana.rest.createChannel({ body: { name, kind, topic, members } })).id;
  const garden = await create('garden-plans', 'public', 'Beds, seeds and who waters what in August', others);
  const long = await create('a-channel-with-a-name-that-is-longer-than-its-place', 'public', '', others);
  await create('board', 'private', 'What is not decided yet', ['eliska']);
  await clients[1]?.rest.createChannel({
    body: { name: 'cooking', kind: 'public', topic: 'What we eat', members: [] },
  });
  const direct = await ana.rest.startConversation({ body: { usernames: ['boris'] } });
  for (const [author, body] of SAID) await clients[author]?.send(garden, body);
  for (const body of ['Anybody here?', 'It is quiet.']) await clients[2]?.send(long, body);
  for (const username of ['chioma', 'eliska']) await ana.rest.startConversation({ body: { usernames: [username] } });
  await boris.send(direct.id, 'Do you still have my drill?');
  for (const client of [ana, eliska]) client.disconnect();
  chioma.setActive(false);
  return [boris, chioma];
}

/** Goes through the screens that need a server; stays on the conversation. */
async function visit(browser: Browser, scheme: (typeof SCHEMES)[number], size: keyof typeof SIZES) {
  const name = `${scheme}-${size}`;
  const settings = { ...SIZES[size], colorScheme: scheme, reducedMotion: 'reduce' } as const;

  const newcomer = await (await browser.newContext(settings)).newPage();
  await newcomer.goto(server.url);
  await newcomer.getByRole('button', { name: 'Sign in' }).waitFor();
  await take(newcomer, `sign-in-${name}`);
  await newcomer.goto(`${server.url}/register`);
  await newcomer.getByRole('button', { name: 'Create account' }).waitFor();
  await take(newcomer, `register-${name}`);
  await newcomer.goto(`${server.url}/sign-in`);
  await register(newcomer, { username: `new.${name}`, displayName: 'Nuria' });
  await newcomer.getByText('No conversations yet.').waitFor();
  await take(newcomer, `home-empty-${name}`);
  await newcomer.context().close();

  const page = await (await browser.newContext(settings)).newPage();
  await page.goto(server.url);
  await page.getByRole('textbox', { name: 'Username' }).fill('ana');
  await page.getByRole('textbox', { name: 'Password' }).fill('not her password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await take(page, `sign-in-refused-${name}`);
  await page.goto(`${server.url}/nowhere`);
  await page.getByRole('heading', { name: 'There is nothing at this address' }).waitFor();
  await take(page, `nowhere-${name}`);
  await page.goto(server.url);
  await signIn(page, 'ana');
  await page.getByRole('link', { name: 'garden-plans' }).first().waitFor();
  await page.route('**/api/v1/auth/refresh', (route) => route.fulfill(FAILING), { times: 1 });
  await page.reload();
  await page.getByText('Something went wrong on the server').waitFor();
  await take(page, `unreachable-${name}`);
  await page.getByRole('button', { name: 'Retry now' }).click();
  await page.getByRole('link', { name: 'garden-plans' }).first().waitFor();
  await take(page, `home-${name}`);

  await page.getByRole('button', { name: 'Create channel' }).click();
  await page.getByRole('dialog').getByRole('textbox', { name: 'Name', exact: true }).fill('harvest');
  await take(page, `create-${name}`);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await page.getByRole('link', { name: 'Discover channels' }).click();
  await page.getByRole('button', { name: 'Join' }).first().waitFor();
  await take(page, `discover-${name}`);
  if (size === 'phone') await page.getByRole('link', { name: 'Back to channels' }).click();

  await openChannel(page, 'garden-plans');
  await page.getByRole('article').last().waitFor();
  await take(page, `channel-${name}`);
  await page.getByRole('button', { name: /^Members/ }).click();
  await page.getByRole('list', { name: 'Members' }).getByText('Offline').waitFor();
  await take(page, `members-${name}`);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  if (size === 'wide') {
    await openChannel(page, 'Chioma Okafor');
    await page.getByText('Away', { exact: true }).waitFor();
    await take(page, `direct-${name}`);
    await openChannel(page, 'garden-plans');
  }
  await addPeople(page, 'boris, nobody-of-that-name');
  await page.getByRole('alert').waitFor();
  await take(page, `add-people-error-${name}`);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  return { page, name };
}

/** Has a channel archived while its owner is writing to it. */
async function archiveUnder(page: Page, name: string): Promise<void> {
  const ana = createClient({ url: server.url });
  await ana.signIn({ username: 'ana', password: passwordOf('ana') });
  const body = { name: `closing-${name}`, kind: 'private', topic: '' } as const;
  const { id, rev } = await ana.rest.createChannel({ body });
  await page.goto(`${server.url}/c/${id}`);
  await page.getByRole('textbox', { name: 'Message' }).fill('Here we stop, I think. Thank you all!');
  // On a touch screen Enter begins a new line.
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('article').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).fill('One more thing about the ladder:');
  await ana.rest.updateChannel({ params: { id }, body: { archived: true, rev } });
  await page.getByText('This channel is archived').waitFor();
}

/** Ends the page's session from outside, as another tab would. */
async function endSession(page: Page): Promise<void> {
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const headers = { cookie, 'content-type': 'application/json' };
  const tab = createClient({
    url: server.url,
    session: 'cookie',
    fetch: (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), ...headers } }),
  });
  await tab.restore();
  await tab.signOut();
  await page.getByText('Your session has ended').waitFor();
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
}
