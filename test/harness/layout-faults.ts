// What is wrong with a page as people see and touch it: too small, too close, cut off, covered, scrolling sideways.
export type Limits = {
  readonly textPx: number;
  readonly targetPx: number;
  /** Between two targets. */
  readonly gapPx: number;
};

/** A finger on a panel (touch-panel.md "Sizes"). */
export const PANEL_LIMITS: Limits = { textPx: 18, targetPx: 64, gapPx: 8 };

/** Seen from six metres: 40 px of a 1080p screen. */
export const displayLimits = (heightPx: number): Limits => ({ textPx: (40 * heightPx) / 1080, targetPx: 0, gapPx: 0 });

/**
 * Runs in the page. What is scrolled out of a body that scrolls up and down is not cut off, and a finger does not meet it; what lies under an open
 * sheet is not to be touched. Text that says itself that it goes on (an ellipsis) is not cut off either.
 */
export function layoutFaults({ textPx, targetPx, gapPx }: Limits): string[] {
  type Box = { left: number; top: number; right: number; bottom: number };
  const TARGETS = 'button, input, select, textarea, a[href], [role="button"], [role="switch"], [role="radio"], [role="tab"], [role="slider"]';
  const found: string[] = [];
  const { innerWidth, innerHeight } = window;
  const round = (value: number): number => Math.round(value * 10) / 10;
  const isAsleep = document.querySelector('[data-testid="asleep"]') !== null;
  const sheets = [...document.querySelectorAll('dialog:modal, [role="dialog"][aria-modal="true"], [role="alertdialog"][aria-modal="true"]')];
  const sheet = document.querySelector('[data-testid="asleep"]') ?? sheets.at(-1) ?? null;
  const name = (element: Element): string =>
    `${element.closest('[data-testid]')?.getAttribute('data-testid') ?? ''} <${element.tagName.toLowerCase()}> ${(element.getAttribute('aria-label') ?? element.textContent ?? '').slice(0, 50)}`;
  const isShown = (element: Element): boolean => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    // For screen readers alone.
    for (let around: Element | null = element; around !== null; around = around.parentElement) {
      const { clipPath, position } = getComputedStyle(around);
      if (position === 'absolute' && clipPath === 'inset(50%)') return false;
    }
    return true;
  };
  const scrollerOf = (element: Element): Element | null => {
    for (let around = element.parentElement; around !== null; around = around.parentElement) {
      const { overflowY } = getComputedStyle(around);
      if ((overflowY === 'auto' || overflowY === 'scroll') && around.scrollHeight > around.clientHeight + 1) return around;
      if (around.matches('dialog:modal')) return null;
    }
    return null;
  };
  const within = (box: Box, clip: Box, slack: number): boolean => box.top >= clip.top - slack && box.bottom <= clip.bottom + slack;
  const edges = (element: Element): Box => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { left, top, right, bottom };
  };

  for (const scrolling of document.querySelectorAll('*')) {
    const { overflowX } = getComputedStyle(scrolling);
    if ((overflowX === 'auto' || overflowX === 'scroll') && scrolling.scrollWidth > scrolling.clientWidth + 1 && isShown(scrolling))
      found.push(`scrolls sideways: ${name(scrolling)}: ${scrolling.scrollWidth} px in ${scrolling.clientWidth} px`);
  }

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement;
    if (element === null || (node.textContent ?? '').trim() === '' || !isShown(element) || isAsleep) continue;
    if (element.closest('[aria-hidden="true"], script, style, option') !== null) continue;
    const size = Number.parseFloat(getComputedStyle(element).fontSize);
    if (round(size) < textPx) found.push(`small text: ${name(element)}: ${size} px`);
    const scroller = scrollerOf(element);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const scrolledOut = scroller !== null && !within(box, scroller.getBoundingClientRect(), 0);
      let [clipped, saysSo]: [Element | null, boolean] = [null, false];
      for (let around: Element | null = element; around !== null && !(scrolledOut && around === scroller); around = around.parentElement) {
        const { overflowX, overflowY, textOverflow, webkitLineClamp } = getComputedStyle(around);
        const clip = around.getBoundingClientRect();
        if (overflowX !== 'visible' && (textOverflow === 'ellipsis' || webkitLineClamp !== 'none')) saysSo = true;
        const cutX = overflowX !== 'visible' && !saysSo && (box.left < clip.left - 1 || box.right > clip.right + 1);
        // A line's box is higher than its letters.
        const cutY = overflowY !== 'visible' && webkitLineClamp === 'none' && !within(box, clip, box.height / 4);
        if (cutX || cutY) clipped ??= around;
        if (around.matches('dialog:modal')) break; // in the top layer: what it stands in does not clip it
      }
      const outX = !saysSo && (box.left < -0.5 || box.right > innerWidth + 0.5);
      const outY = !scrolledOut && (box.top < -0.5 || box.bottom > innerHeight + 0.5);
      if (outX || outY) found.push(`cut off: ${name(element)}: at ${round(box.left)},${round(box.top)} to ${round(box.right)},${round(box.bottom)}`);
      else if (clipped !== null) found.push(`cut off: ${name(element)}: clipped by ${name(clipped)}`);
    }
  }

  type Target = { target: Element; box: Box; scroller: Element | null; seen: Box | null };
  /** An input that is drawn by what stands around it, such as a switch, is as large as its label. */
  const touched = (target: Element): Box => {
    const label = target instanceof HTMLInputElement ? (target.labels?.[0] ?? null) : null;
    const [own, around] = [edges(target), label === null ? null : edges(label)];
    if (around === null) return own;
    return {
      left: Math.min(own.left, around.left),
      top: Math.min(own.top, around.top),
      right: Math.max(own.right, around.right),
      bottom: Math.max(own.bottom, around.bottom)
    };
  };
  const targets: Target[] = [...document.querySelectorAll(TARGETS)]
    .filter((target) => (sheet === null || sheet.contains(target)) && target.checkVisibility({ visibilityProperty: true }))
    .map((target) => {
      const [box, scroller] = [touched(target), scrollerOf(target)];
      if (scroller === null) return { target, box, scroller, seen: box };
      const clip = edges(scroller);
      const seen = { ...box, top: Math.max(box.top, clip.top), bottom: Math.min(box.bottom, clip.bottom) };
      return { target, box, scroller, seen: seen.bottom - seen.top > 1 ? seen : null };
    });
  for (const [index, { target, box, scroller, seen }] of targets.entries()) {
    const [width, height] = [box.right - box.left, box.bottom - box.top];
    if (width < targetPx - 0.01 || height < targetPx - 0.01) found.push(`small target: ${name(target)}: ${round(width)}×${round(height)}`);
    const outY = scroller === null && (box.top < -0.5 || box.bottom > innerHeight + 0.5);
    if (box.left < -0.5 || box.right > innerWidth + 0.5 || outY) found.push(`cut off: ${name(target)}`);
    else if (seen !== null) {
      const hit = document.elementFromPoint((seen.left + seen.right) / 2, (seen.top + seen.bottom) / 2);
      const own = target instanceof HTMLInputElement ? [target, ...(target.labels ?? []), target.parentElement] : [target];
      const isCovered = hit !== null && !own.some((part) => part?.contains(hit)) && !hit.contains(target);
      if (isCovered) found.push(`covered: ${name(target)}: by ${name(hit)}`);
    }
    for (const other of targets.slice(index + 1)) {
      if (target.contains(other.target) || other.target.contains(target)) continue;
      const [here, there] = scroller === other.scroller ? [box, other.box] : [seen, other.seen];
      if (here === null || there === null) continue;
      const gapX = Math.max(here.left, there.left) - Math.min(here.right, there.right);
      const gapY = Math.max(here.top, there.top) - Math.min(here.bottom, there.bottom);
      if (Math.max(gapX, gapY) < gapPx - 0.01) found.push(`close targets: ${name(target)} and ${name(other.target)}: ${round(Math.max(gapX, gapY))} px`);
    }
  }
  return [...new Set(found)];
}
