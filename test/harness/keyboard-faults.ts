// Whether everything on a page can be done without a finger: Tab comes to each target in the order in which people read, the focus is seen, Enter
// and the space bar do what a touch does, an open sheet keeps the focus and gives it back.
import type { Page } from 'playwright-core';

type Target = { readonly element: Element; readonly kind: 'button' | 'tick' | 'link' | 'text'; readonly group: Element | null; readonly look: string };
type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
type Focus = { readonly index: number; readonly name: string; readonly box: Box; readonly isSeen: boolean; readonly kind: Target['kind'] } | null;
type Keys = {
  readonly names: readonly string[];
  readonly focus: () => Promise<Focus>;
  /** Targets that nobody came to; of a group with arrow keys one is enough. */
  readonly missed: (reached: readonly number[]) => string[];
  /** Index of the target that was clicked since the last question; −1: none. */
  readonly clicked: () => number;
  readonly end: () => void;
};
type LookedAtWindow = Window & typeof globalThis & { cloisterKeys: Keys };

/** Runs in the page. From here on a click of anything does nothing but be counted. */
async function lookAtKeys(): Promise<readonly string[]> {
  const SELECTOR = 'button, input, select, textarea, a[href], [role="button"], [role="switch"], [role="radio"], [role="tab"], [role="slider"]';
  const STYLES = ['outlineStyle', 'outlineWidth', 'outlineColor', 'boxShadow', 'borderColor', 'borderWidth', 'backgroundColor', 'opacity'] as const;
  const atRest = async (): Promise<void> => {
    for (let frame = 0; frame < 60; frame += 1) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      if (!document.getAnimations().some((animation) => animation instanceof CSSTransition)) return;
    }
  };
  (document.activeElement as HTMLElement | null)?.blur();
  await atRest();
  const sheet = [...document.querySelectorAll('dialog:modal, [aria-modal="true"]')].at(-1) ?? document.body;
  const lookOf = (element: Element): string => {
    const parts: string[] = [];
    const add = (of: Element, pseudo?: string): void => {
      const style = getComputedStyle(of, pseudo);
      parts.push(STYLES.map((name) => style[name]).join(' '));
    };
    for (const pseudo of ['::before', '::after']) add(element, pseudo);
    let around: Element | null = element;
    for (let level = 0; level < 3 && around !== null; level += 1, around = around.parentElement) add(around);
    if (element.nextElementSibling !== null && element instanceof HTMLInputElement) add(element.nextElementSibling);
    return parts.join('|');
  };
  const kindOf = (element: Element): Target['kind'] => {
    if (element instanceof HTMLAnchorElement) return 'link';
    // The chosen one of a group cannot be chosen again.
    if (element instanceof HTMLInputElement) return element.type === 'checkbox' || (element.type === 'radio' && !element.checked) ? 'tick' : 'text';
    return element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement ? 'text' : 'button';
  };
  const groupOf = (element: Element): Element | null =>
    element instanceof HTMLInputElement && element.type === 'radio'
      ? element.closest('fieldset, [role="radiogroup"], form')
      : element.closest('[role="radiogroup"], [role="tablist"], [role="toolbar"]');
  const targets: Target[] = [...sheet.querySelectorAll(SELECTOR)]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches(':disabled, [tabindex="-1"], [type="hidden"]'))
    .map((element) => ({ element, kind: kindOf(element), group: groupOf(element), look: lookOf(element) }));
  const name = (element: Element): string =>
    `${element.closest('[data-testid]')?.getAttribute('data-testid') ?? element.tagName.toLowerCase()} (${(element.getAttribute('aria-label') ?? element.textContent ?? '').slice(0, 40)})`;
  let last = -1;
  const count = (event: Event): void => {
    event.preventDefault();
    event.stopImmediatePropagation();
    last = targets.findIndex(({ element }) => event.target instanceof Node && element.contains(event.target));
  };
  window.addEventListener('click', count, true);
  (window as LookedAtWindow).cloisterKeys = {
    names: targets.map(({ element }) => name(element)),
    async focus() {
      await atRest();
      const { activeElement } = document;
      if (activeElement === null || activeElement === document.body || activeElement === document.documentElement) return null;
      const index = targets.findIndex(({ element }) => element === activeElement);
      const target = targets[index];
      const { left, top, right, bottom } = activeElement.getBoundingClientRect();
      const isInView = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
      const isSeen = target === undefined || (isInView && lookOf(activeElement) !== target.look);
      return { index, name: name(activeElement), box: { left, top, right, bottom }, isSeen, kind: target?.kind ?? 'text' };
    },
    missed: (reached) =>
      targets
        .filter(
          ({ group }, index) => !reached.includes(index) && !(group !== null && targets.some((other, at) => other.group === group && reached.includes(at)))
        )
        .map(({ element }) => name(element)),
    clicked() {
      const index = last;
      last = -1;
      return index;
    },
    end: () => window.removeEventListener('click', count, true)
  };
  return (window as LookedAtWindow).cloisterKeys.names;
}

const KEYS = { button: ['Enter', 'Space'], tick: ['Space'], link: ['Enter'], text: [] } as const;

export async function keyboardFaults(page: Page): Promise<string[]> {
  const found: string[] = [];
  const names = await page.evaluate(lookAtKeys);
  const focus = (): Promise<Focus> => page.evaluate(() => (window as unknown as LookedAtWindow).cloisterKeys.focus());
  const clicked = (): Promise<number> => page.evaluate(() => (window as unknown as LookedAtWindow).cloisterKeys.clicked());
  const isRightToLeft = await page.evaluate(() => document.documentElement.dir === 'rtl');
  const reached: number[] = [];
  let before: NonNullable<Focus> | null = null;
  let ends = 0;
  // What can be scrolled may take the focus, too.
  for (let press = 0; press < 2 * names.length + 6 && ends < 2; press += 1) {
    await page.keyboard.press('Tab');
    const now = await focus();
    // It begins where the last touch or the first focus was: once past the end it goes on from the page's beginning.
    if (now === null || (before !== null && now.index !== -1 && now.index < before.index)) {
      ends += 1;
      before = null;
    }
    if (now === null || now.index === -1) continue;
    if (reached.includes(now.index)) break;
    reached.push(now.index);
    if (!now.isSeen) found.push(`focus is not seen: ${now.name}`);
    if (before !== null) {
      const isAbove = now.box.bottom <= before.box.top;
      const isEarlier = isRightToLeft ? now.box.left >= before.box.right : now.box.right <= before.box.left;
      if (isAbove && isEarlier) found.push(`order: ${now.name} comes late`);
    }
    before = now;
    for (const key of KEYS[now.kind]) {
      await page.keyboard.press(key);
      if ((await clicked()) !== now.index) found.push(`${key} does nothing: ${now.name}`);
    }
  }
  const missed = await page.evaluate((indices) => (window as unknown as LookedAtWindow).cloisterKeys.missed(indices), reached);
  for (const name of missed) found.push(`Tab does not come to: ${name}`);
  await page.evaluate(() => (window as unknown as LookedAtWindow).cloisterKeys.end());
  return found;
}

/** Of an open sheet, if there is one: Tab stays inside, Escape closes it, the focus is back on what opened it: one of what was touched. */
export async function sheetFaults(page: Page, touched: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const sheet = page.locator('dialog:modal, [aria-modal="true"]');
  if ((await sheet.count()) === 0) return found;
  const isOutside = (): Promise<string | null> =>
    page.evaluate(() => {
      const { activeElement } = document;
      const open = [...document.querySelectorAll('dialog:modal, [aria-modal="true"]')].at(-1);
      if (activeElement === null || activeElement === document.body || activeElement === document.documentElement || open?.contains(activeElement)) return null;
      return activeElement.closest('[data-testid]')?.getAttribute('data-testid') ?? activeElement.tagName;
    });
  const targets = await sheet.last().locator('button, input, textarea').count();
  for (let press = 0; press < targets + 2; press += 1) {
    await page.keyboard.press('Tab');
    const outside = await isOutside();
    if (outside !== null) found.push(`the sheet lets the focus out to ${outside}`);
  }
  const open = await sheet.count();
  await page.keyboard.press('Escape');
  const closed = await page
    .waitForFunction((before) => document.querySelectorAll('dialog:modal, [aria-modal="true"]').length < before, open, { timeout: 3000 })
    .then(
      () => true,
      () => false
    );
  if (!closed) found.push('Escape does not close the sheet');
  else if (touched.length > 0) {
    const holder = await page.evaluate(() => document.activeElement?.closest('[data-testid]')?.getAttribute('data-testid') ?? null);
    if (holder === null || !touched.includes(holder)) found.push(`the focus is not back on ${touched.at(-1)}, but on ${holder ?? 'nothing'}`);
  }
  return found;
}
