import type { Page } from 'playwright-core';

/** What people do on the pages, by the names that they see. */

/** Everybody's password, for whoever wants to sign in as them. */
export const passwordOf = (username: string) => `the password of ${username}`;

export async function register(page: Page, person: { username: string; displayName: string }): Promise<void> {
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByRole('textbox', { name: 'Username' }).fill(person.username);
  await page.getByRole('textbox', { name: 'Display name' }).fill(person.displayName);
  await page.getByRole('textbox', { name: 'Password' }).fill(passwordOf(person.username));
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('navigation', { name: 'Channels' }).waitFor();
}

/** Fills the page for signing in. */
export async function signIn(page: Page, username: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Username' }).fill(username);
  await page.getByRole('textbox', { name: 'Password' }).fill(passwordOf(username));
  await page.getByRole('button', { name: 'Sign in' }).click();
}

export async function createChannel(
  page: Page,
  channel: { name: string; kind: 'Public' | 'Private'; topic?: string },
): Promise<void> {
  await page.getByRole('button', { name: 'Create channel' }).click();
  const dialog = page.getByRole('dialog', { name: 'New channel' });
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill(channel.name);
  await dialog.getByRole('radio', { name: channel.kind }).check();
  await dialog.getByRole('textbox', { name: 'Topic' }).fill(channel.topic ?? '');
  await dialog.getByRole('button', { name: 'Create channel' }).click();
  await page.getByRole('heading', { level: 1, name: channel.name }).waitFor();
}

/** Opens the dialog, names people and asks for them to be added. */
export async function addPeople(page: Page, usernames: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: /^Add people/ });
  if (!(await dialog.isVisible())) await page.getByRole('button', { name: 'Add people' }).click();
  await dialog.getByRole('textbox', { name: 'Usernames' }).fill(usernames);
  await dialog.getByRole('button', { name: 'Add people' }).click();
}

export async function openChannel(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Channels' }).getByRole('link', { name }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

export async function send(page: Page, body: string): Promise<void> {
  const field = page.getByRole('textbox', { name: 'Message' });
  await field.fill(body);
  await field.press('Enter');
}

/** The messages that the page shows, top to bottom. */
export function shownMessages(page: Page): Promise<string[]> {
  return page.getByRole('article').getByRole('paragraph').allTextContents();
}
