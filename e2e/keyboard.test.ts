import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { setStage } from './stage.ts';
import { passwordOf, shownMessages } from './steps.ts';

const stage = setStage();

const SOON = { timeout: 15_000 };

/** What has the focus, by the name that is read out; nothing while it is on its way round a dialog. */
function focused(page: Page): Promise<string> {
  return page.evaluate(`(({ activeElement: element, body }) => element === body ? '' : element.getAttribute('aria-label')
    ?? element.labels?.[0]?.textContent ?? element.textContent.trim())(document)`);
}

const expectFocusOn = (page: Page, name: string | RegExp) => expect.poll(() => focused(page), SOON).toMatch(name);

const isInDialog = (page: Page) => page.evaluate('document.activeElement.closest("[role=dialog]") !== null');

/** A dialog takes the focus when it has opened: a Tab before that would be lost. */
async function dialogHasFocus(page: Page, name: string): Promise<void> {
  await page.getByRole('dialog', { name }).waitFor();
  await expect.poll(() => isInDialog(page), SOON).toBe(true);
}

/** Goes there by Tab alone; fails where it cannot be reached, or cannot be seen to have been. */
async function tabTo(page: Page, name: string | RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const passed: string[] = [];
  while (!new RegExp(name).test(passed.at(-1) ?? '')) {
    if (passed.length > 30) throw new Error(`Tab does not lead to ${name}, but to ${passed.join(', ')}`);
    await page.keyboard.press(key);
    passed.push(await focused(page));
  }
  expect(await page.evaluate('document.activeElement.matches(":focus-visible")')).toBe(true);
}

async function type(page: Page, ...fields: string[]): Promise<void> {
  for (const [index, text] of fields.entries()) {
    if (index > 0) await page.keyboard.press('Tab');
    await page.keyboard.insertText(text);
  }
  await page.keyboard.press('Enter');
}

test('a whole visit needs no mouse, and the focus is never lost', async () => {
  const boris = await stage.join('boris', 'Boris');
  const { page, watch } = await stage.open(await stage.newContext());
  const key = (name: string) => page.keyboard.press(name);
  const dialogIsGone = () => page.getByRole('dialog').waitFor({ state: 'detached' });

  await expectFocusOn(page, 'Username');
  await tabTo(page, 'Create an account');
  await key('Enter');
  await expectFocusOn(page, 'Username');
  await type(page, 'ana', 'Ana', passwordOf('ana'));
  await expectFocusOn(page, 'Hello, Ana');

  // A dialog begins at its first field, keeps the focus, and gives it back.
  await tabTo(page, 'Create a channel');
  await key('Enter');
  await expectFocusOn(page, 'Name');
  for (let presses = 0; presses < 12; presses += 1) {
    await key('Tab');
    await expect.poll(() => isInDialog(page), SOON).toBe(true);
  }
  await key('Escape');
  await dialogIsGone();
  await expectFocusOn(page, 'Create a channel');
  await key('Enter');
  await expectFocusOn(page, 'Name');
  await type(page, 'garden');
  await page.getByRole('heading', { level: 1, name: 'garden' }).waitFor();
  await expectFocusOn(page, 'Message');

  // The refusal is read out, and does not take the focus away.
  await tabTo(page, 'Add people', 'Shift+Tab');
  await key('Enter');
  await expectFocusOn(page, 'Usernames');
  await type(page, 'nobody-of-that-name');
  await page.getByRole('alert').getByText('nobody-of-that-name').waitFor();
  expect(watch.errors.splice(0)).toEqual([expect.stringContaining('404')]);
  await expectFocusOn(page, 'Usernames');
  await key('Control+A');
  await type(page, 'boris');
  await dialogIsGone();
  await expectFocusOn(page, 'Add people');

  // New messages of others are read out; one's own are not.
  await tabTo(page, /^Message$/);
  await type(page, 'Hello Boris');
  await expectFocusOn(page, 'Message');
  const readOut = () => page.locator('[aria-live=polite]').allTextContents();
  const id = page.url().slice(page.url().lastIndexOf('/') + 1);
  await boris.send(id, 'Hello Ana');
  await expect.poll(() => shownMessages(page), SOON).toEqual(['Hello Boris', 'Hello Ana']);
  await expect.poll(readOut, SOON).toEqual(['Boris: Hello Ana']);

  // From one dialog into another, and out of it again.
  await tabTo(page, /^Members/, 'Shift+Tab');
  await key('Enter');
  await dialogHasFocus(page, 'Members of garden');
  await tabTo(page, 'Leave channel');
  await key('Enter');
  await page.getByRole('dialog', { name: 'Leave garden?' }).waitFor();
  await expectFocusOn(page, 'Leave channel');
  await key('Escape');
  await dialogIsGone();
  await expectFocusOn(page, /^Members/);

  // Past the list of channels, and to another place.
  await tabTo(page, 'Skip to the conversation', 'Shift+Tab');
  await key('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('main');
  await tabTo(page, 'Discover channels', 'Shift+Tab');
  await key('Enter');
  await expectFocusOn(page, 'Discover channels');
  await tabTo(page, 'Open');
  await key('Enter');
  await expectFocusOn(page, 'Message');

  await tabTo(page, /^Members/, 'Shift+Tab');
  await key('Enter');
  await dialogHasFocus(page, 'Members of garden');
  await tabTo(page, 'Leave channel');
  await key('Enter');
  await expectFocusOn(page, 'Leave channel');
  await page.getByRole('dialog', { name: 'Leave garden?' }).waitFor();
  await key('Enter');
  await dialogIsGone();
  await expectFocusOn(page, 'Hello, Ana');

  await tabTo(page, 'Sign out', 'Shift+Tab');
  await key('Enter');
  await expectFocusOn(page, 'Username');
  expect(watch.errors).toEqual([]);
});

test('an outage is read out, and the focus outlives it', async () => {
  const { page, watch } = await stage.arrive('cleo', 'Cleo');
  watch.expectOutage();
  await stage.server.stop();
  await page.getByRole('status').getByText('The connection is lost.').waitFor();
  await tabTo(page, 'Retry now', 'Shift+Tab');
  await stage.server.start();
  await page.keyboard.press('Enter');
  await page.getByText('You are offline.').waitFor({ state: 'detached' });
  expect(await page.evaluate('document.activeElement.id')).toBe('main');
  expect(watch.errors).toEqual([]);
});
