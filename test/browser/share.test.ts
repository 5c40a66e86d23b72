// A shared screen from one room's panel to the other room's display: it is large and can be read, the camera's picture goes beside it, and it is
// gone when sharing ends.
import assert from 'node:assert/strict';
import { createTestPage } from '../../src/media/source/test-page.ts';
import { type DisplayPage, type RoomsWithPages, startRoomsWithPages, until } from '../harness/browser.ts';

const SCREEN = { width: 1920, height: 1080, fps: 5, maxKbps: 3000 };
/** Of the page's text, well below the line that changes. */
const PART = { x: 200, y: 300, width: 640, height: 240 };
/** From here on a letter of the test page looks as it was drawn (docs/performance.md "The shared screen"). */
const READABLE_DB = 28;

/** What the test page has in the part, as luminance of full range. */
function drawn(page: number): Float64Array {
  const luma = new Uint8Array(SCREEN.width * SCREEN.height);
  const chroma = (): Uint8Array => new Uint8Array((SCREEN.width * SCREEN.height) / 4);
  const planes = {
    width: SCREEN.width,
    height: SCREEN.height,
    data: [luma, chroma(), chroma()],
    strides: [SCREEN.width, SCREEN.width / 2, SCREEN.width / 2]
  } as const;
  const picture = createTestPage(SCREEN.width, SCREEN.height);
  picture.drawBackground(planes);
  picture.drawChanges(planes, page * 20_000, new Date(0));
  return Float64Array.from({ length: PART.width * PART.height }, (_, index) => {
    const at = (PART.y + Math.floor(index / PART.width)) * SCREEN.width + PART.x + (index % PART.width);
    return ((luma[at] ?? 0) - 16) * (255 / 219);
  });
}

const PAGES = [0, 1, 2, 3, 4].map(drawn);

/** How near the part on the canvas is to the page that it looks most like, in dB; null while nothing is there. */
async function likeness(display: DisplayPage): Promise<number | null> {
  const seen = await display.page.evaluate(({ x, y, width, height }) => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas[data-of="screen"]');
    if (canvas === null || canvas.width < x + width) return null;
    const copy = new OffscreenCanvas(width, height);
    const context = copy.getContext('2d', { willReadFrequently: true });
    if (context === null) return null;
    context.drawImage(canvas, x, y, width, height, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return Array.from({ length: width * height }, (_, at) => data[4 * at + 1] ?? 0); // black, white and grey: green is as good as any
  }, PART);
  if (seen === null) return null;
  const noises = PAGES.map((page) => page.reduce((sum, light, at) => sum + (light - (seen[at] ?? 0)) ** 2, 0) / page.length);
  return 10 * Math.log10(255 ** 2 / Math.min(...noises));
}

describe('browser: a shared screen', function () {
  this.timeout(180_000);
  this.bail(true);
  let all: RoomsWithPages;

  before(async () => {
    // Nobody is identified, so that the display has the code to show as well.
    all = await startRoomsWithPages({
      config: (index) => ({ media: { screen: index === 0 ? 'test' : 'none', screenVideo: SCREEN }, identity: { acceptUnsigned: true } })
    });
    await all.call();
  });
  after(() => all?.[Symbol.asyncDispose]());

  it('is on nobody’s display before somebody touches Share', async () => {
    for (const { display } of [all.here, all.there]) {
      await display.see('remote-video');
      assert.equal(await display.isVisible('remote-screen'), false);
    }
    assert.match(await all.here.panel.text('button-share'), /Share screen/);
    assert.ok(await all.there.panel.page.getByTestId('button-share').isDisabled());
    assert.match(await all.there.panel.text('button-share'), /Nothing to share/);
  });

  it('is large on the other display and can be read, with the camera’s picture beside it', async () => {
    const { here, there } = all;
    await here.panel.touch('button-share');
    await there.display.see('remote-screen');
    const decibels = await until('text that can be read', async () => {
      const now = await likeness(there.display);
      return now !== null && now >= READABLE_DB && now;
    });
    await until('the panel says so', async () => /Stop sharing/.test(await here.panel.text('button-share')));
    await here.display.see('sharing-here');
    assert.equal(await here.display.isVisible('remote-screen'), false);
    const box = async (testId: string) => (await there.display.page.getByTestId(testId).boundingBox()) ?? assert.fail(`${testId} is not there`);
    const screen = await box('remote-screen');
    const beside = ['remote-video', 'shield-state', 'peer-name', 'code-band'];
    assert.ok(screen.width >= 0.7 * 1920, `${screen.width} px`);
    for (const what of beside) {
      const part = await box(what);
      const apart =
        part.x >= screen.x + screen.width || part.y >= screen.y + screen.height || part.x + part.width <= screen.x || part.y + part.height <= screen.y;
      assert.ok(apart, `${what} covers the shared screen`);
      assert.ok(part.x >= 0 && part.y >= 0 && part.x + part.width <= 1920 && part.y + part.height <= 1080, `${what} is cut off`);
    }
    await there.display.screenshot('share-display');
    await here.display.screenshot('share-display-sharing');
    await here.panel.screenshot('share-panel');
    console.log(`      the page is shown at ${decibels.toFixed(1)} dB`);
  });

  it('is gone at once when sharing ends, and comes back when it begins again', async () => {
    const { here, there } = all;
    await here.panel.touch('button-share');
    await there.display.lose('remote-screen', 3_000);
    assert.equal(await likeness(there.display), null, 'nothing of it is left in the canvas');
    await until('the camera’s picture is large again', async () => ((await there.display.page.getByTestId('remote-video').boundingBox())?.width ?? 0) === 1920);
    await until('the panel says so', async () => /Share screen/.test(await here.panel.text('button-share')));
    await here.panel.touch('button-share');
    await there.display.see('remote-screen');
    await until('text that can be read again', async () => ((await likeness(there.display)) ?? 0) >= READABLE_DB);
    await here.panel.touch('button-end');
    await there.display.lose('remote-screen', 5_000);
    assert.deepEqual(all.browser.faults(), []);
  });
});
