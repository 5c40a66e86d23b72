// Text that is shared can be read: the real encoders at low rates, decoded again (figures: docs/performance.md "The shared screen").
import assert from 'node:assert/strict';
import { pictureAt, shareTestPage } from '../harness/readability.ts';

describe('shared text', function () {
  this.timeout(120_000);

  it('is sharp within two seconds at 1.5 Mbit/s, and becomes sharper while it stands still', async () => {
    const shown = await shareTestPage('VP8', 1500, 8, 'text', 0);
    const early = pictureAt(shown, 2_000);
    assert.ok(early !== null && early.decibels >= 36 && early.contrast >= 0.95, JSON.stringify(early));
    const late = shown.at(-1);
    assert.ok(late !== undefined && late.decibels >= early.decibels + 3, JSON.stringify(late));
  });

  it('is told from another page with the first picture at 500 kbit/s, and can be read some seconds later, in both codecs', async () => {
    for (const codec of ['VP8', 'H264'] as const) {
      const shown = await shareTestPage(codec, 500, 10, 'text');
      const [first] = shown;
      assert.ok(first !== undefined && first.atMs < 2_500 && first.smallDecibels >= 25, JSON.stringify(first));
      const late = pictureAt(shown, 8_000);
      assert.ok(late !== null && late.decibels >= 29 && late.contrast >= 0.9, JSON.stringify(late));
    }
  });

  it('is held up by no picture for long at 440 kbit/s, neither when the page is turned nor while it stands still', async () => {
    const shown = await shareTestPage('VP8', 440, 28, 'text');
    const longest = Math.max(...shown.map(({ bytes }) => bytes)) * 8;
    assert.ok(longest / 440 < 2_500, `one took ${Math.round(longest / 440)} ms`);
  });

  it('could not be read, with the encoder of a camera', async () => {
    const camera = pictureAt(await shareTestPage('H264', 500, 4, undefined), 4_000);
    assert.ok(camera !== null && camera.decibels < 26, JSON.stringify(camera));
  });

  it('costs next to nothing while it stands still', async () => {
    const shown = await shareTestPage('VP8', 3000, 10, 'text', 0);
    const late = shown.filter(({ atMs }) => atMs > 5_000);
    const bytes = late.reduce((sum, picture) => sum + picture.bytes, 0);
    assert.ok(late.length >= 10 && bytes < 100_000, `${late.length} frames, ${bytes} bytes in five seconds`);
  });
});
