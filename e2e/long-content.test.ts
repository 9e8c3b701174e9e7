import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { setStage } from './stage.ts';

const stage = setStage({ PARLEY_THROTTLE_MESSAGES: 'off' });

const WORD = 'Donaudampfschifffahrtsgesellschaft';
const NAME = `${WORD}${WORD}`.slice(0, 64);
const CHANNEL = WORD.repeat(3).toLowerCase().slice(0, 80);
const TOPIC = WORD.repeat(8).slice(0, 250);

const MESSAGES = [
  'a'.repeat(8_000),
  'Every word is short, but there are many of them. '.repeat(163).slice(0, 8_000),
  Array.from({ length: 500 }, (_, line) => `line ${line}`).join('\n'),
  '👩‍👩‍👧‍👦🇪🇸🏴󠁧󠁢󠁳󠁣󠁴󠁿🫠'.repeat(60),
  'صباح الخير جميعاً، كيف حالكم اليوم؟ '.repeat(30),
  `עברית and English, ${WORD.repeat(20)}, and https://example.org/${'path/'.repeat(300)}`,
  `H̸̡̪̯ͨ͊̽̅̾${'̸̡̪̯ͨ'.repeat(200)} combined`,
];

/** Whatever reaches over an edge of the screen, or makes something scroll sideways. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('body *')].flatMap((element) => {
    const { left, right, width, height } = element.getBoundingClientRect();
    if (width <= 1 || height <= 1) return [];
    const { overflowX } = getComputedStyle(element);
    const scrolls = /auto|scroll/.test(overflowX) && element.scrollWidth > element.clientWidth + 1;
    const hasText = [...element.childNodes].some(({ nodeType }) => nodeType === 3);
    const spills = hasText && overflowX === 'visible' && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
    const leaves = left < -0.5 || right > innerWidth + 0.5;
    const hides = element.closest('.truncate') !== null;
    const why = [scrolls && 'scrolls', spills && !hides && 'spills', leaves && !hides && 'leaves'].filter(Boolean);
    return why.length === 0 ? [] : [why.join() + ': ' + element.outerHTML.slice(0, 200)];
  })`);
}

const LOOKS = { phone: { width: 360, height: 640 }, wide: { width: 1280, height: 800 } };

test('nothing that people write or are called reaches over an edge, on a phone or a wide screen', async () => {
  const other = await stage.join('o'.repeat(32), NAME);
  const { page, watch } = await stage.arrive('n'.repeat(32), `${'عائشة'.repeat(12)} 🫠`);
  await page.setViewportSize(LOOKS.phone);
  const body = { name: CHANNEL, kind: 'public' as const, topic: TOPIC, members: ['n'.repeat(32)] };
  const { id } = await other.rest.createChannel({ body });
  await other.rest.createChannel({ body: { ...body, name: `x${CHANNEL}`.slice(0, 80), members: [] } });
  const direct = await other.rest.startConversation({ body: { usernames: ['n'.repeat(32)] } });
  await other.send(direct.id, 'hello');
  const { url } = stage.server;
  const expectNothingToReachOver = async (state: string) => {
    for (const [look, viewport] of Object.entries(LOOKS).reverse()) {
      await page.setViewportSize(viewport);
      expect.soft([state, look, ...(await overflowing(page))]).toEqual([state, look]);
    }
  };

  await page.getByRole('link', { name: CHANNEL }).first().waitFor();
  await expectNothingToReachOver('home');
  await page.getByRole('link', { name: 'Discover channels' }).click();
  await page.getByRole('list', { name: 'Public channels' }).getByText(CHANNEL).first().waitFor();
  await expectNothingToReachOver('discover');

  await page.goto(`${url}/c/${id}`);
  const field = page.getByRole('textbox', { name: 'Message' });
  for (const message of MESSAGES) {
    await other.send(id, message);
    await page
      .getByRole('article')
      .filter({ hasText: message.trim().slice(0, 40) })
      .last()
      .waitFor();
    await expectNothingToReachOver(message.slice(0, 20));
  }

  await field.focus();
  await page.keyboard.insertText(MESSAGES[2] ?? '');
  await expectNothingToReachOver('a long paste');
  // Whatever is pasted, most of the screen is still for reading.
  expect((await field.boundingBox())?.height).toBeLessThanOrEqual(0.41 * LOOKS.phone.height);
  await page.getByRole('button', { name: 'Send' }).click();
  await expect.poll(() => field.inputValue()).toBe('');
  await page.keyboard.insertText(MESSAGES[0] ?? '');
  await expectNothingToReachOver('a long word');

  await page.getByRole('button', { name: /^Members/ }).click();
  await page.getByRole('list', { name: 'Members' }).getByText(NAME).waitFor();
  await expectNothingToReachOver('members');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add people' }).click();
  await page.getByRole('dialog', { name: /^Add people/ }).waitFor();
  await expectNothingToReachOver('add people');
  expect(watch.errors).toEqual([]);
}, 60_000);
