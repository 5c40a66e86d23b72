// Every story of panel and display, by touch: nothing is cut off, too small or too close at any size, in any language or with the largest text; axe
// finds nothing in any theme; all of it can be done by keyboard; Arabic is mirrored. There are too many stories for every look at each of them in
// every run: they take turns, so that each is seen plain, in one other language, in one theme by axe, and most by keyboard. THOROUGH=1 looks at all in
// every way (half an hour); STORIES=PATTERN does so with the stories of such a name.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { LANGUAGES, THEMES } from '../../src/kernel/panel-choices.ts';
import { type GalleryServer, serveGallery } from '../gallery/pages.ts';
import { axeFaults, loadAxe } from '../harness/axe.ts';
import { openBrowser, type TestBrowser } from '../harness/browser.ts';
import { galleryPage, showStory, unanswered } from '../harness/gallery.ts';
import { keyboardFaults, sheetFaults } from '../harness/keyboard-faults.ts';
import { displayLimits, type Limits, layoutFaults, PANEL_LIMITS } from '../harness/layout-faults.ts';
import { pressedFaults } from '../harness/pressed-faults.ts';
import { stories } from './fixtures/stories.ts';
import { DISPLAY_SIZES, PANEL_SIZES, PLAIN_VARIANT, type Story, type Variant } from './fixtures/story.ts';

type Size = (typeof PANEL_SIZES)[number];

const [PANEL] = PANEL_SIZES;
const [DISPLAY] = DISPLAY_SIZES;
const WORKERS = 2;
const pattern = new RegExp(process.env['STORIES'] ?? '');
const thorough = process.env['THOROUGH'] === '1' || process.env['STORIES'] !== undefined;

/** Those of `all` whose turn it is at this story: one of them, by the story's place in the list; all where the run is thorough. */
const inTurn = <T>(story: Story, all: readonly T[]): readonly T[] => (thorough ? all : all.filter((_, index) => index === stories.indexOf(story) % all.length));
/** Whether it is the story's turn for what every so manyth story has. */
const hasTurn = (story: Story, every: number): boolean => thorough || stories.indexOf(story) % every === 0;

describe('browser: screens', function () {
  this.timeout(300_000);
  let gallery: GalleryServer;
  let browser: TestBrowser;

  before(async () => {
    gallery = await serveGallery();
    browser = await openBrowser({ hurried: true });
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await gallery?.[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    assert.deepEqual(browser.faults(), []);
    await browser.closePages();
  });

  /** Looks at every story on pages of this size that stay open. @returns what was found, each with its story's name */
  async function look(kind: Story['page'], size: Size, at: (page: Page, story: Story) => Promise<readonly string[]>, every = 1): Promise<string> {
    const fitting = stories.filter(
      (story) => story.page === kind && pattern.test(story.name) && (story.size?.width ?? size.width) === size.width && hasTurn(story, every)
    );
    const found: string[] = [];
    const waiting = [...fitting];
    const work = async (): Promise<void> => {
      const { page } = await browser.page(galleryPage(gallery.url, kind), size);
      await loadAxe(page);
      for (let story = waiting.shift(); story !== undefined; story = waiting.shift()) {
        const { name } = story;
        for (const fault of await at(page, story).catch((error: Error) => [error.message])) found.push(`${name}: ${fault}`);
      }
    };
    await Promise.all(Array.from({ length: Math.min(WORKERS, fitting.length) }, work));
    return found.sort().join('\n');
  }

  async function layoutIn(page: Page, story: Story, limits: Limits, variants: readonly Partial<Variant>[]): Promise<string[]> {
    const found: string[] = [];
    for (const variant of variants) {
      const label = Object.values(variant).join(' ');
      await showStory(page, story, { ...PLAIN_VARIANT, ...variant });
      for (const fault of await page.evaluate(layoutFaults, limits)) found.push(`${label} ${fault}`.trim());
    }
    return [...found, ...(await unanswered(page)).map((asked) => `the story has no answer to ${asked}`)];
  }

  const otherLanguages = LANGUAGES.filter((language) => language !== PLAIN_VARIANT.language).map((language) => ({ language }));

  for (const size of PANEL_SIZES) {
    // German is among the longest. What fits the smallest panel rarely fails on a larger one.
    const larger: readonly Partial<Variant>[] = [{ textSize: 'larger' }, { textSize: 'larger', language: 'de' }];
    const [every, more] = size.width < 1200 ? [1, larger] : [size.width > 1300 ? 3 : 1, thorough ? larger : []];
    it(`fits a panel of ${size.width}×${size.height}`, async () => {
      nothing(await look('panel', size, (page, story) => layoutIn(page, story, PANEL_LIMITS, [{}, ...inTurn(story, more)]), every));
    });
  }

  for (const size of DISPLAY_SIZES)
    it(`fits a display of ${size.width}×${size.height}`, async () => {
      nothing(await look('display', size, (page, story) => layoutIn(page, story, displayLimits(size.height), [{}, ...inTurn(story, otherLanguages)])));
    });

  it('fits a panel in every language', async () => {
    assert.ok(PANEL);
    nothing(await look('panel', PANEL, (page, story) => layoutIn(page, story, PANEL_LIMITS, inTurn(story, otherLanguages))));
  });

  it('is mirrored in Arabic', async () => {
    assert.ok(PANEL);
    const found = await look(
      'panel',
      PANEL,
      async (page, story) => {
        if (story.state === null) return [];
        await showStory(page, story);
        const here = await page.evaluate(sides);
        await showStory(page, story, { ...PLAIN_VARIANT, language: 'ar' });
        const there = await page.evaluate(sides);
        const wrong = here.flatMap(([part, side]) => {
          const other = there.find(([name]) => name === part)?.[1];
          return side !== 0 && other === side ? [`${part} stays on the ${side < 0 ? 'left' : 'right'}`] : [];
        });
        const { lang, dir } = await page.evaluate(() => ({ lang: document.documentElement.lang, dir: document.documentElement.dir }));
        return lang === 'ar' && dir === 'rtl' ? wrong : [`the page is in ${lang}, ${dir}`];
      },
      2
    );
    nothing(found);
  });

  for (const theme of THEMES)
    it(`gives axe nothing to find, ${theme}`, async () => {
      const at = async (page: Page, story: Story): Promise<readonly string[]> => {
        if (!inTurn(story, THEMES).includes(theme)) return [];
        await showStory(page, story, { ...PLAIN_VARIANT, theme });
        return axeFaults(page);
      };
      assert.ok(PANEL && DISPLAY);
      nothing([await look('panel', PANEL, at), await look('display', DISPLAY, at)].join('\n').trim());
    });

  it('can be read while a finger is on it', async () => {
    assert.ok(PANEL);
    const at = async (page: Page, story: Story): Promise<readonly string[]> => {
      const found: string[] = [];
      for (const theme of inTurn(story, THEMES)) {
        await showStory(page, story, { ...PLAIN_VARIANT, theme });
        for (const fault of await pressedFaults(page)) found.push(`${theme} ${fault}`);
      }
      return found;
    };
    nothing(await look('panel', PANEL, at, 8));
  });

  it('can be done by keyboard alone, and every target has a name', async () => {
    assert.ok(PANEL);
    const found = await look(
      'panel',
      PANEL,
      async (page, story) => {
        await showStory(page, story);
        const names = await page.evaluate(namelessTargets);
        const keys = await keyboardFaults(page);
        // The keys have been at everything: anew for the sheet.
        await showStory(page, story);
        return [...names, ...keys, ...(await sheetFaults(page, story.steps ?? []))];
      },
      2
    );
    nothing(found);
  });

  it('finds what is wrong with a page', async () => {
    assert.ok(PANEL);
    const { page } = await browser.page(galleryPage(gallery.url, 'panel'), PANEL);
    await loadAxe(page);
    const ready = stories.find(({ name }) => name === 'home-ready');
    assert.ok(ready);
    await showStory(page, ready);
    assert.deepEqual(await page.evaluate(layoutFaults, PANEL_LIMITS), []);
    assert.deepEqual(await keyboardFaults(page), []);
    await page.getByTestId('button-call').evaluate((element) => {
      const button = element as HTMLElement;
      const style = (element: HTMLElement, css: Partial<CSSStyleDeclaration>): void => void Object.assign(element.style, css);
      const neighbour = button.cloneNode(true) as HTMLElement;
      button.after(neighbour);
      neighbour.tabIndex = -1;
      neighbour.ariaLabel = '';
      neighbour.textContent = '';
      style(neighbour, { position: 'fixed', left: '0', top: '5px', height: '80px' });
      style(button, {
        width: '60px',
        minWidth: '0',
        height: '80px',
        fontSize: '17px',
        whiteSpace: 'nowrap',
        position: 'fixed',
        left: '66px',
        top: '5px',
        outline: 'none'
      });
      style(neighbour, { width: '60px', minWidth: '0', minHeight: '0' });
      const beside = document.createElement('p');
      style(beside, { position: 'fixed', left: '1270px', top: '0', margin: '0', fontSize: '18px', color: '#222', background: '#111' });
      beside.textContent = 'aside';
      document.body.append(beside);
      const scrolling = document.createElement('div');
      style(scrolling, { position: 'fixed', left: '600px', top: '100px', width: '200px', height: '100px', overflow: 'auto', fontSize: '18px' });
      const row = document.createElement('p');
      style(row, { width: '300px', margin: '0' });
      row.textContent = 'a row that is wider than what scrolls';
      scrolling.append(row);
      document.body.append(scrolling);
      const cover = document.createElement('div');
      style(cover, { position: 'fixed', left: '0', top: '0', width: '70px', height: '100px', zIndex: '100' });
      document.body.append(cover);
    });
    const found = await page.evaluate(layoutFaults, PANEL_LIMITS);
    for (const kind of ['cut off', 'small text', 'small target', 'close targets', 'covered', 'scrolls sideways'])
      assert.ok(
        found.some((fault) => fault.startsWith(kind)),
        `${kind} in ${found.join('\n')}`
      );
    const axe = await axeFaults(page);
    for (const rule of ['button-name', 'color-contrast'])
      assert.ok(
        axe.some((fault) => fault.startsWith(rule)),
        `${rule} in ${axe.join('\n')}`
      );
    assert.equal((await page.evaluate(namelessTargets)).length, 1);

    await showStory(page, ready);
    await page.evaluate(() => {
      const deaf = document.createElement('div');
      deaf.role = 'button';
      deaf.tabIndex = 0;
      deaf.textContent = 'deaf';
      deaf.style.outline = 'none';
      document.body.append(deaf);
    });
    const keys = await keyboardFaults(page);
    for (const fault of ['focus is not seen', 'Enter does nothing', 'Space does nothing'])
      assert.ok(
        keys.some((each) => each.startsWith(fault)),
        `${fault} in ${keys.join('\n')}`
      );
    await page.evaluate(() => {
      const sheet = document.createElement('div');
      sheet.role = 'dialog';
      sheet.ariaModal = 'true';
      sheet.append(document.createElement('button'));
      document.body.prepend(sheet);
    });
    const sheets = await sheetFaults(page, []);
    for (const fault of ['the sheet lets the focus out', 'Escape does not close'])
      assert.ok(
        sheets.some((each) => each.startsWith(fault)),
        `${fault} in ${sheets.join('\n')}`
      );
  });
});

function nothing(found: string): void {
  if (found !== '') assert.fail(`\n${found}`);
}

/** Runs in the page: of each part that is well off the middle, on which side it is: −1 left, 1 right, 0 in between. What is always left-to-right is left out. */
function sides(): [part: string, side: number][] {
  const parts = [...document.querySelectorAll<HTMLElement>('[data-testid]')].filter(
    (part) => part.checkVisibility({ visibilityProperty: true }) && part.closest('[dir="ltr"]') === null
  );
  return parts.flatMap((part) => {
    const { testid = '' } = part.dataset;
    if (parts.filter((other) => other.dataset['testid'] === testid).length !== 1) return [];
    const { left, right } = part.getBoundingClientRect();
    const offset = (left + right) / 2 / innerWidth - 0.5;
    return [[testid, Math.abs(offset) < 0.15 ? 0 : Math.sign(offset)]];
  });
}

/** Runs in the page: targets that a screen reader has no name for. Chromium tells its own reckoning of the name. */
function namelessTargets(): string[] {
  type Named = Element & { computedName?: string };
  // What lies under an open sheet is inert, and has no name while it is.
  const sheet = [...document.querySelectorAll('dialog:modal')].at(-1);
  const targets = [
    ...(sheet?.parentElement ?? document).querySelectorAll<Named>('button, input, select, textarea, a[href], [role="button"], [role="switch"], dialog[open]')
  ];
  return targets
    .filter(
      (target) => (sheet === undefined || sheet.contains(target)) && target.checkVisibility({ visibilityProperty: true }) && target.computedName?.trim() === ''
    )
    .map((target) => `no name: ${target.closest('[data-testid]')?.getAttribute('data-testid') ?? target.tagName}`);
}
