import type { Client } from '@parley/client';
import { ERRORS } from '@parley/protocol';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { violationsOn } from './axe.ts';
import { setStage } from './stage.ts';
import { openChannel, send, shownMessages } from './steps.ts';

/** Two messages go at once; the third waits long enough for the world to change under it. */
const stage = setStage({ PARLEY_THROTTLE_MESSAGES: '2/3s' });

const SOON = { timeout: 15_000 };

/** A channel of Boris's with a person in it who has the page open. */
async function aConversation(username: string, kind: 'public' | 'private') {
  const boris = await stage.join(`boris.of.${username}`, 'Boris Lind');
  const { page, watch } = await stage.arrive(username, 'Ana Ruiz');
  const body = { name: `garden-${username}`, kind, topic: '', members: [username] };
  const { id } = await boris.rest.createChannel({ body });
  await openChannel(page, body.name);
  return { boris, page, watch, id, name: body.name };
}

/** What stands in the channel, as another one reads it: what counts. */
async function bodies(reader: Client, id: string): Promise<string[]> {
  const { messages } = await reader.rest.listMessages({ params: { id } });
  return messages.map(({ body }) => body);
}

/** Sends one message more than is let through at once, and sees it wait. */
async function sendTooFast(page: Page): Promise<void> {
  for (const body of ['one', 'two', 'three']) await send(page, body);
  await page.getByText(/^A little fast: sending/).waitFor();
}

async function archive(owner: Client, id: string, archived: boolean): Promise<void> {
  const { rev } = await owner.rest.getChannel({ params: { id } });
  await owner.rest.updateChannel({ params: { id }, body: { archived, rev } });
}

test.concurrent('what an archived channel refuses says why, and goes out once it may, or not at all', async ({
  expect,
}) => {
  const { boris, page, id, name } = await aConversation('bea', 'private');
  await sendTooFast(page);
  await send(page, 'four');
  await page.getByRole('textbox', { name: 'Message' }).fill('half a thought');
  await archive(boris, id, true);

  const [three, four] = ['three', 'four'].map((body) => page.getByRole('article').filter({ hasText: body }));
  for (const failed of [three, four]) {
    await failed?.getByRole('alert').getByText(`Not sent. ${ERRORS.channel_archived.title}`).waitFor();
  }
  expect(await page.getByRole('textbox', { name: 'Your draft, not sent' }).inputValue()).toBe('half a thought');
  await page.getByRole('link', { name: /, not everything was sent$/ }).waitFor();
  expect(await violationsOn(page)).toEqual([]);

  await three?.getByRole('button', { name: 'Retry' }).click();
  await three?.getByRole('alert').waitFor();
  await four?.getByRole('button', { name: 'Delete' }).click();
  await four?.waitFor({ state: 'detached' });
  // The button that had the focus is gone: the messages have it.
  expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(`Messages in ${name}`);

  await archive(boris, id, false);
  expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('half a thought');
  await three?.getByRole('button', { name: 'Retry' }).click();
  await three?.getByRole('alert').waitFor({ state: 'detached' });
  await expect.poll(() => bodies(boris, id), SOON).toEqual(['one', 'two', 'three']);
  expect(await shownMessages(page)).toEqual(['one', 'two', 'three']);
});

test.concurrent('what was on its way when its author was removed stays in sight, and goes out after joining again', async ({
  expect,
}) => {
  const { boris, page, id, name } = await aConversation('cleo', 'public');
  await sendTooFast(page);
  const me = (await boris.rest.listMembers({ params: { id } })).members.find(({ user }) => user.username === 'cleo');
  await boris.rest.removeMember({ params: { id, userId: me?.user.id ?? '' } });

  const unsent = page.getByRole('region', { name: 'Not sent' });
  await unsent.getByText('three').waitFor();
  await unsent.getByText(ERRORS.not_a_member.title).waitFor();
  expect(await violationsOn(page)).toEqual([]);
  // Also from elsewhere.
  await page.getByRole('link', { name: 'Parley, home' }).click();
  await page.getByRole('navigation', { name: 'Channels' }).getByRole('link', { name }).click();
  await unsent.getByText('three').waitFor();

  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByRole('button', { name: 'Retry' }).click();
  await expect.poll(() => bodies(boris, id), SOON).toEqual(['one', 'two', 'three']);
  await expect.poll(() => shownMessages(page), SOON).toEqual(['one', 'two', 'three']);
});

test('[S2, O1, T1] what is written while the server is gone waits in its order, and is there once when it is back', async () => {
  const { boris, page, watch, id } = await aConversation('dora', 'private');
  await send(page, 'before');
  await expect.poll(() => bodies(boris, id), SOON).toEqual(['before']);
  watch.expectOutage();
  await stage.server.stop();
  for (const body of ['first', 'second', 'third']) await send(page, body);
  await expect.poll(() => page.getByText('Waiting for the connection…').count(), SOON).toBe(3);
  expect(await violationsOn(page)).toEqual([]);

  // What waits would be lost with the page, so that one is asked before it is left.
  const asked = page.waitForEvent('dialog');
  await page.close({ runBeforeUnload: true });
  const question = await asked;
  expect(question.type()).toBe('beforeunload');
  await question.dismiss();

  await stage.server.start();
  // More than may go at once: the last one waits a little longer, and says so.
  await page.getByText(/^A little fast: sending/).waitFor({ timeout: 30_000 });
  const all = ['before', 'first', 'second', 'third'];
  await expect.poll(() => bodies(boris, id), { timeout: 30_000 }).toEqual(all);
  await page.getByText('You are offline.').waitFor({ state: 'detached' });
  await expect.poll(() => page.getByText(/^(Sending|Waiting for the connection|A little fast)/).count(), SOON).toBe(0);
  expect(await shownMessages(page)).toEqual(all);
  expect(watch.errors).toEqual([]);
});
