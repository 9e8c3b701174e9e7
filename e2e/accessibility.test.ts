import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { violationsOn } from './axe.ts';
import { setStage } from './stage.ts';
import { addPeople, createChannel, openChannel, register, send, signIn } from './steps.ts';

const stage = setStage();

/** Each size and each scheme once: colours are the same in all sizes, and the layout in all schemes. */
const LOOKS = {
  'narrow and dark': { viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
  'wide and light': { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
} as const;

/** Checks the page in each look; ends wide. */
async function expectAccessible(page: Page, state: string): Promise<void> {
  const found: Record<string, string[]> = {};
  for (const [look, { viewport, colorScheme }] of Object.entries(LOOKS)) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // On a narrow page the list of channels becomes the main part, a moment later.
    await expect.poll(() => page.locator('main, [role=main]').filter({ visible: true }).count()).toBe(1);
    const violations = await violationsOn(page);
    if (violations.length > 0) found[`${state}, ${look}`] = violations;
  }
  expect.soft(found).toEqual({});
}

async function anAccessiblePage(path = '/') {
  return stage.open(await stage.newContext(), path);
}

test('axe finds nothing on the pages before one is signed in', async () => {
  const { page } = await anAccessiblePage();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await expectAccessible(page, 'sign in');
  await signIn(page, 'nobody');
  await page.getByRole('alert').waitFor();
  await expectAccessible(page, 'sign in, refused');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByRole('button', { name: 'Create account' }).waitFor();
  await expectAccessible(page, 'register');
  await page.getByRole('textbox', { name: 'Username' }).fill('no spaces please');
  await page.getByRole('textbox', { name: 'Password' }).fill('short');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByText('Needs at least 8 characters.').waitFor();
  await expectAccessible(page, 'register, refused');
});

test('axe finds nothing on the pages of the chat, with nothing in it and with much', async () => {
  const { page } = await anAccessiblePage();
  await register(page, { username: 'ana', displayName: 'Ana Ruiz' });
  await page.getByText('No conversations yet.').waitFor();
  await expectAccessible(page, 'empty workspace');
  await page.getByRole('link', { name: 'Discover channels' }).click();
  await page.getByText('There are no public channels yet.').waitFor();
  await expectAccessible(page, 'discover, empty');

  await page.getByRole('button', { name: 'Create channel' }).click();
  await page.getByRole('dialog').waitFor();
  await expectAccessible(page, 'create dialog');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await createChannel(page, { name: 'garden', kind: 'Public', topic: 'Beds, seeds and water' });
  await expectAccessible(page, 'empty channel');

  const boris = await stage.join('boris', 'Boris Lind');
  await addPeople(page, 'nobody-of-that-name');
  await page.getByRole('alert').waitFor();
  await expectAccessible(page, 'add people, refused');
  await addPeople(page, 'boris');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const garden = page.url().slice(page.url().lastIndexOf('/') + 1);
  await boris.send(garden, 'Hello Ana\nhttps://example.org/a/long/address');
  await send(page, 'Hello Boris');
  await page.getByRole('article').nth(1).waitFor();
  await expectAccessible(page, 'channel');
  await page.getByRole('textbox', { name: 'Message' }).fill('x'.repeat(8_001));
  await page.getByText('1 characters over the limit').waitFor();
  await expectAccessible(page, 'composer, too long');
  await page.getByRole('textbox', { name: 'Message' }).fill('');

  await page.getByRole('button', { name: /^Members/ }).click();
  await page.getByRole('list', { name: 'Members' }).getByText('@boris').waitFor();
  await expectAccessible(page, 'members');
  await page.getByRole('button', { name: 'Leave channel' }).click();
  await page.getByRole('dialog', { name: /^Leave/ }).waitFor();
  await expectAccessible(page, 'leave dialog');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  const lounge = await boris.rest.createChannel({
    body: { name: 'lounge', kind: 'public', topic: 'Talk', members: [] },
  });
  const direct = await boris.rest.startConversation({ body: { usernames: ['ana'] } });
  await boris.send(direct.id, 'Are you there?');
  await page.getByRole('link', { name: 'Boris Lind' }).waitFor();
  await expectAccessible(page, 'channel, others unread');
  await page.getByRole('link', { name: 'Parley, home' }).click();
  await page.getByRole('list', { name: 'Unread' }).waitFor();
  await expectAccessible(page, 'home, unread');
  await page.getByRole('button', { name: 'New conversation' }).click();
  await page.getByRole('dialog', { name: 'New conversation' }).waitFor();
  await expectAccessible(page, 'conversation dialog');
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Discover channels' }).click();
  await page.getByRole('button', { name: 'Join' }).waitFor();
  await expectAccessible(page, 'discover');
  await page.goto(`${stage.server.url}/c/${lounge.id}`);
  await page.getByRole('button', { name: 'Join' }).waitFor();
  await expectAccessible(page, 'preview');
  await page.goto(`${stage.server.url}/c/${'0'.repeat(8)}`);
  await page.getByRole('heading', { name: 'Not found' }).waitFor();
  await expectAccessible(page, 'no such channel');
  await page.goto(`${stage.server.url}/nowhere`);
  await page.getByText('There is nothing at this address').waitFor();
  await expectAccessible(page, 'no such page');

  await page.goto(`${stage.server.url}/c/${garden}`);
  await openChannel(page, 'garden');
  await page.getByRole('article').first().waitFor();
  await stage.server.stop();
  await send(page, 'Sent into the void');
  await page.getByText('You are offline.').waitFor();
  await expectAccessible(page, 'offline, with a waiting message');
});
