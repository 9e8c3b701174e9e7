import axe, { type AxeResults } from 'axe-core';
import type { BrowserContext, Page } from 'playwright-core';

/** Puts axe into every page of the context before anything of the page runs, which no policy of the page forbids. */
export async function bringAxe(context: BrowserContext): Promise<void> {
  await context.addInitScript({ content: axe.source });
}

/** What axe finds wrong with the page as it stands: every rule that it has, of whatever weight. Empty where all is well. */
export async function violationsOn(page: Page): Promise<string[]> {
  // Half faded in, a text has half its contrast.
  await page.evaluate(
    'Promise.allSettled(document.getAnimations().filter(({ effect }) => ' +
      'effect.getComputedTiming().iterations !== Infinity).map(({ finished }) => finished))',
  );
  const { violations }: AxeResults = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })');
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n  ${html.slice(0, 300)}\n  ${failureSummary ?? ''}`),
  );
}
