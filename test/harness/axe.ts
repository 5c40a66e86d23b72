// axe-core in a page: what it finds against WCAG 2.2, levels A and AA. Given to the page by the debugger, so that no policy has to let it in.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults, ContextSpec, RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];

type AxeWindow = Window & typeof globalThis & { axe: { run(context: ContextSpec | Document, options: RunOptions): Promise<AxeResults> } };

/** Once for each document. */
export async function loadAxe(page: Page): Promise<void> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
}

export function axeFaults(page: Page): Promise<string[]> {
  return page.evaluate(async (tags) => {
    // What is changing its colour is judged when it has it. What pulses does so for ever.
    const passing = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
    await Promise.all(passing.map(({ finished }) => finished.catch(() => {})));
    const { violations } = await (window as unknown as AxeWindow).axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map((node) => {
        const element = document.querySelector(String(node.target[0]));
        const part = element?.closest('[data-testid]')?.getAttribute('data-testid') ?? String(node.target);
        return `${id}: ${part}: ${node.any[0]?.message ?? node.all[0]?.message ?? help}`;
      })
    );
  }, TAGS);
}
