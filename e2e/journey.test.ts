import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { setStage } from './stage.ts';
import { addPeople, createChannel, openChannel, send, shownMessages } from './steps.ts';

const stage = setStage();

async function showsExactly(page: Page, messages: readonly string[]): Promise<void> {
  await expect.poll(() => shownMessages(page), { timeout: 20_000 }).toEqual(messages);
}

test('[S1, O1, D2, D4] two people meet, chat, and go on chatting through a restart of the server', async () => {
  const ana = await stage.arrive('ana', 'Ana Ruiz');
  const boris = await stage.arrive('boris', 'Boris Lind');

  await createChannel(ana.page, { name: 'garden', kind: 'Private', topic: 'Beds, seeds and water' });
  // Nobody is added where one name is unknown. (The refusal is a 404, which the browser logs as an error of its own.)
  await addPeople(ana.page, 'boris, nobody-of-that-name');
  await ana.page.getByRole('alert').getByText('nobody-of-that-name').waitFor();
  expect(ana.watch.errors.splice(0)).toEqual([expect.stringContaining('404')]);
  await addPeople(ana.page, 'boris');
  await ana.page.getByRole('dialog').waitFor({ state: 'detached' });
  await openChannel(boris.page, 'garden');
  await ana.page.getByRole('button', { name: /^Members/ }).click();
  await ana.page.getByRole('listitem').getByText('@boris · Online').waitFor();
  await ana.page.keyboard.press('Escape');
  await ana.page.getByRole('dialog').waitFor({ state: 'detached' });

  const said = [
    'Hello Boris',
    'Hello Ana!',
    'Two lines\nof one message',
    '<b>not bold</b> & "quoted"',
    'Ready?',
    'Ready.',
  ];
  for (const [turn, body] of said.entries()) {
    const [speaker, listener] = turn % 2 === 0 ? [ana, boris] : [boris, ana];
    await send(speaker.page, body);
    await showsExactly(listener.page, said.slice(0, turn + 1));
  }
  await showsExactly(ana.page, said);
  const before = { ana: ana.watch.loads, boris: boris.watch.loads };

  for (const person of [ana, boris]) person.watch.expectOutage();
  await stage.server.stop();
  // Typed while nobody is there to take it: it waits in the outbox, in its place.
  await send(ana.page, 'Sent into the void');
  await showsExactly(ana.page, [...said, 'Sent into the void']);
  await ana.page.getByText('You are offline.').waitFor();
  await stage.server.start();

  said.push('Sent into the void');
  await showsExactly(boris.page, said);
  await send(boris.page, 'And I hear you again');
  said.push('And I hear you again');
  for (const person of [ana, boris]) {
    await showsExactly(person.page, said);
    await person.page.getByText('You are offline.').waitFor({ state: 'detached' });
  }
  expect({ ana: ana.watch.loads, boris: boris.watch.loads }).toEqual(before);

  // The session outlives the page, and so do the place and the order of the messages.
  await boris.page.reload();
  await showsExactly(boris.page, said);

  for (const { watch } of [ana, boris]) {
    expect(watch.errors).toEqual([]);
    expect(watch.thirdParties).toEqual([]);
  }
}, 90_000);
