import assert from 'node:assert/strict';
import { isCaptureInput } from '../../../../src/media/source/open-source.ts';
import { createTestPage } from '../../../../src/media/source/test-page.ts';
import type { Planes } from '../../../../src/media/source/test-picture.ts';

function planesOf(width: number, height: number): Planes {
  const chroma = (): Uint8Array => new Uint8Array((width * height) / 4);
  return { width, height, data: [new Uint8Array(width * height), chroma(), chroma()], strides: [width, width / 2, width / 2] };
}

const AT = new Date(0);

describe('test page', () => {
  it('is the same for the same second, whatever was drawn before, and changes one line each second and all of it after twenty', () => {
    const [width, height] = [1920, 1080];
    const page = createTestPage(width, height);
    const [one, other] = [planesOf(width, height), planesOf(width, height)];
    for (const planes of [one, other]) page.drawBackground(planes);
    page.drawChanges(one, 0, AT);
    const first = Buffer.from(one.data[0]);
    page.drawChanges(one, 999, AT);
    assert.ok(first.equals(one.data[0]));
    page.drawChanges(one, 1000, AT);
    const changedRows = (): number => Array.from({ length: height }, (_, y) => y).filter((y) => first.compare(one.data[0], y * width, (y + 1) * width, y * width, (y + 1) * width) !== 0).length; // biome-ignore format: one line
    assert.ok(changedRows() > 0 && changedRows() <= 14, `${changedRows()} rows`);
    page.drawChanges(one, 20_000, AT);
    assert.ok(changedRows() > 300, `${changedRows()} rows`);
    page.drawChanges(other, 20_000, AT);
    assert.ok(Buffer.from(other.data[0]).equals(one.data[0]));
  });

  it('stays within the picture, however small that is', () => {
    for (const [width, height] of [
      [160, 90],
      [162, 2160],
      [3840, 90]
    ] as const) {
      const page = createTestPage(width, height);
      const planes = planesOf(width, height);
      page.drawBackground(planes);
      page.drawChanges(planes, 123_456_789, AT);
      assert.equal(planes.data[0].length, width * height);
    }
  });
});

describe('a capture input', () => {
  it('is told from a camera by what it says it is', () => {
    const found = ['USB3.0 HDMI Capture', 'Cam Link 4K', 'Magewell USB Capture', 'Logitech BRIO', 'HD Webcam C920', 'Integrated Camera', 'Recapture Cam']
      .map((description) => ({ name: '/dev/video0', description }))
      .filter(isCaptureInput)
      .map(({ description }) => description);
    assert.deepEqual(found, ['USB3.0 HDMI Capture', 'Cam Link 4K', 'Magewell USB Capture']);
  });
});
