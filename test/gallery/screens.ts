// npm run screens [-- --out FOLDER --only PATTERN --page panel|display]: a picture of every story, and contact sheets to look through. The panel
// in English at each size in each theme, in the other languages and with the larger text at 1280×800; the display in the same way.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { LANGUAGES, THEMES } from '../../src/kernel/panel-choices.ts';
import { stories } from '../browser/fixtures/stories.ts';
import { DISPLAY_SIZES, PANEL_SIZES, PLAIN_VARIANT, type Story, type Variant } from '../browser/fixtures/story.ts';
import { CHROMIUM, CHROMIUM_SWITCHES } from '../harness/chromium.ts';
import { galleryPage, showStory } from '../harness/gallery.ts';
import { serveGallery } from './pages.ts';

type Size = (typeof PANEL_SIZES)[number];
/** One series of pictures: all stories of a page, in one size and variant. */
type Series = { readonly name: string; readonly page: Story['page']; readonly size: Size; readonly variant: Variant };
type Picture = { readonly story: Story; readonly file: string };

const SHEET = { columns: 4, rows: 3, pictureWidth: 480 } as const;
/** Of Chromium pages at work at once. */
const WORKERS = 2;

function seriesOf(page: Story['page']): Series[] {
  const sizes = page === 'panel' ? PANEL_SIZES : DISPLAY_SIZES;
  const [first] = sizes;
  if (first === undefined) throw new Error(`the ${page} has no size`);
  const of = (name: string, size: Size, variant: Partial<Variant>): Series => ({
    name: `${page}-${size.width}-${name}`,
    page,
    size,
    variant: { ...PLAIN_VARIANT, ...variant }
  });
  return [
    ...sizes.flatMap((size) => THEMES.map((theme) => of(theme, size, { theme }))),
    ...LANGUAGES.filter((language) => language !== PLAIN_VARIANT.language).map((language) => of(language, first, { language })),
    ...(page === 'panel' ? [of('larger', first, { textSize: 'larger' })] : [])
  ];
}

function pathOf(folder: string, name: string): string {
  return join(folder, name);
}

async function openContext(browser: Browser, size: Size): Promise<BrowserContext> {
  return browser.newContext({ viewport: size, hasTouch: true, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' });
}

async function takeSeries(browser: Browser, url: string, series: Series, folder: string, chosen: readonly Story[], failures: string[]): Promise<Picture[]> {
  const context = await openContext(browser, series.size);
  const pictures: Picture[] = [];
  try {
    const page = await context.newPage();
    await page.goto(galleryPage(url, series.page));
    await mkdir(join(folder, series.name), { recursive: true });
    for (const story of chosen) {
      if (story.size !== undefined && story.size.width !== series.size.width) continue;
      const file = join(series.name, `${story.name}.png`);
      await showStory(page, story, series.variant).catch((error: Error) => failures.push(`${series.name} ${story.name}: ${error.message.split('\n')[0]}`));
      await page.screenshot({ path: pathOf(folder, file) });
      pictures.push({ story, file });
    }
  } finally {
    await context.close();
  }
  return pictures;
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

function sheetHtml(title: string, pictures: readonly Picture[]): string {
  const cells = pictures.map(
    ({ story, file }) => `<figure><a href="${escaped(file)}"><img src="${escaped(file)}" alt=""></a><figcaption>${escaped(story.name)}</figcaption></figure>`
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title><style>
body { margin: 12px; background: #3a3a40; color: #fff; font: 16px "Liberation Sans", sans-serif; }
h1 { margin: 0 0 10px; font-size: 20px; }
div { display: grid; grid-template-columns: repeat(${SHEET.columns}, ${SHEET.pictureWidth}px); gap: 12px; }
figure { margin: 0; } img { width: 100%; display: block; } figcaption { padding-top: 3px; }
</style><h1>${escaped(title)}</h1><div>${cells.join('\n')}</div></html>`;
}

async function writeSheets(browser: Browser, folder: string, series: Series, pictures: readonly Picture[]): Promise<void> {
  await writeFile(join(folder, `${series.name}.html`), sheetHtml(series.name, pictures));
  const each = SHEET.columns * SHEET.rows;
  const page: Page = await browser.newPage({ viewport: { width: SHEET.columns * (SHEET.pictureWidth + 12) + 12, height: 800 } });
  for (let start = 0; start < pictures.length; start += each) {
    const number = start / each + 1;
    const file = join(folder, `sheet-${series.name}-${number}`);
    await writeFile(`${file}.html`, sheetHtml(`${series.name} ${number}`, pictures.slice(start, start + each)));
    await page.goto(`file://${file}.html`);
    await page.screenshot({ path: `${file}.png`, fullPage: true });
    await rm(`${file}.html`);
  }
  await page.close();
}

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(import.meta.dirname, '..', 'output', 'screens') },
    only: { type: 'string', default: '' },
    page: { type: 'string', default: '' },
    series: { type: 'string', default: '' }
  }
});
const folder = resolve(values.out);
const only = new RegExp(values.only);
const wanted = new RegExp(values.series);
const chosen = stories.filter((story) => only.test(story.name) && story.page.includes(values.page));
const all = (['panel', 'display'] as const)
  .flatMap(seriesOf)
  .filter((series) => wanted.test(series.name) && chosen.some((story) => story.page === series.page));
if (all.length === 0) throw new TypeError('there is no such story');

await mkdir(folder, { recursive: true });
const startedAt = performance.now();
await using server = await serveGallery();
const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...CHROMIUM_SWITCHES] });
const failures: string[] = [];
const waiting = [...all];
let taken = 0;
try {
  const work = async (): Promise<void> => {
    for (let series = waiting.shift(); series !== undefined; series = waiting.shift()) {
      const { page } = series;
      const pictures = await takeSeries(
        browser,
        server.url,
        series,
        folder,
        chosen.filter((story) => story.page === page),
        failures
      );
      await writeSheets(browser, folder, series, pictures);
      taken += pictures.length;
      console.error(
        `${series.name}: ${pictures.length} pictures (${all.length - waiting.length} of ${all.length} series begun, ${Math.round((performance.now() - startedAt) / 1000)} s)`
      );
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
} finally {
  await browser.close();
}
const list = all.map(({ name }) => `<li><a href="${name}.html">${name}</a></li>`);
await writeFile(join(folder, 'index.html'), `<!doctype html><html lang="en"><meta charset="utf-8"><title>Screens</title><ul>${list.join('')}</ul></html>`);
console.log(`${taken} pictures in ${folder}; look at index.html or the sheets (sheet-*.png)`);
for (const failure of failures) console.error(`not as its story says: ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
