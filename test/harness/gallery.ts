// The gallery's pages in Chromium: one page stays open and shows one story after the other.
import type { Page } from 'playwright-core';
import { PLAIN_VARIANT, type Story, type Variant } from '../browser/fixtures/story.ts';

/** Nothing is asked of anybody outside the page. */
const STEP_LIMIT_MS = 8000;

/**
 * Shows the story and does its steps by touch.
 * @throws where a step cannot be done, or what the story is to show is not seen
 */
export async function showStory(page: Page, story: Story, variant: Variant = PLAIN_VARIANT): Promise<void> {
  await page.evaluate(
    ([name, chosen]) => {
      if (window.cloisterStage === undefined) throw new Error('this is no page of the gallery');
      return window.cloisterStage.show(name, chosen);
    },
    [story.name, variant] as const
  );
  for (const step of story.steps ?? []) await touch(page, step);
  const scene = story.page === 'display' ? `[data-testid="display-scene"][data-scene="${story.see}"]` : `[data-testid="${story.see}"]`;
  await page.locator(scene).first().waitFor({ state: 'visible', timeout: STEP_LIMIT_MS });
  await settle(page);
}

async function touch(page: Page, testId: string): Promise<void> {
  const target = page.getByTestId(testId).first();
  await target.waitFor({ state: 'visible', timeout: STEP_LIMIT_MS });
  // What says why it cannot be done is touched all the same.
  await target.tap({ timeout: STEP_LIMIT_MS, force: (await target.getAttribute('aria-disabled')) === 'true' });
}

/** Until all that is under way is on the screen, and at rest. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    // What changes gradually is brought to its end, and what that sets going after it.
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish();
    }
  });
}

/** What the page asked of the room that the story has no answer to. */
export function unanswered(page: Page): Promise<string[]> {
  return page.evaluate(() => (window.cloisterStage?.asked() ?? []).filter(({ answered }) => !answered).map(({ method, path }) => `${method} ${path}`));
}

/** The gallery's page for a kind of story. */
export const galleryPage = (url: string, kind: Story['page']): string => `${url}/${kind}.html`;
