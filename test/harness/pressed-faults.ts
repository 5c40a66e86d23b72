// What cannot be read while a finger is on it. A press is a mouse's here, since Chromium shows :hover and :active for both, and it is let go of beside the
// button, so that nothing is done.
import type { Page } from 'playwright-core';

/** WCAG 2.2, 1.4.3 for text of this size and 1.4.11 for icons. */
const [TEXT, ICON] = [4.5, 3];

export async function pressedFaults(page: Page): Promise<string[]> {
  const buttons = await page.locator('button[data-testid]:enabled').all();
  const found: string[] = [];
  for (const button of buttons) {
    const box = await button.boundingBox();
    if (box === null) continue;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    const fault = await button.evaluate(unreadable, [TEXT, ICON] as const);
    await page.mouse.move(0, 0);
    await page.mouse.up();
    if (fault !== null) found.push(fault);
  }
  return found;
}

/** In the page. Null where it can be read, or where something else lies over it. */
function unreadable(button: Element, [text, icon]: readonly [number, number]): string | null {
  if (!button.matches(':active')) return null;
  // What changes gradually is brought to its end, and what that sets going after it.
  for (let round = 0; round < 3; round++) {
    for (const each of [button, ...button.querySelectorAll('*')]) void getComputedStyle(each).color;
    for (const animation of button.getAnimations({ subtree: true })) if (animation instanceof CSSTransition) animation.finish();
  }
  type Colour = readonly [number, number, number, number];
  const colourOf = (css: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (css.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const over = ([r, g, b, a]: Colour, [r2, g2, b2]: Colour): Colour => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
  const groundOf = (element: Element | null): Colour =>
    element === null ? [0, 0, 0, 1] : over(colourOf(getComputedStyle(element).backgroundColor), groundOf(element.parentElement));
  const linear = (value: number): number => (value <= 10.31 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]: Colour): number => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ratio = (element: Element): number => {
    const ground = groundOf(element);
    const [high = 0, low = 0] = [luminance(over(colourOf(getComputedStyle(element).color), ground)), luminance(ground)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const name = button.getAttribute('data-testid');
  const texts = [button, ...button.querySelectorAll('*')].filter((each) =>
    [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim())
  );
  for (const each of texts) if (ratio(each) < text) return `${name}: while it is touched its text has a contrast of ${ratio(each).toFixed(1)}`;
  for (const each of button.querySelectorAll('svg'))
    if (ratio(each) < icon) return `${name}: while it is touched its icon has a contrast of ${ratio(each).toFixed(1)}`;
  return null;
}
