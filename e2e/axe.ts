import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe finds wrong with the page as it stands: every rule that it has, of whatever weight. Empty where all is well. */
export async function violationsOn(page: Page): Promise<string[]> {
  // The debugger's door: the page's own policy keeps scripts like this out.
  if (await page.evaluate('typeof axe === "undefined"')) await page.evaluate(axe.source);
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
