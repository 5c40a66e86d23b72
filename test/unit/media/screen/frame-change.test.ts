import assert from 'node:assert/strict';
import { createChangeDetector } from '../../../../src/media/screen/frame-change.ts';

/** A frame of 8 by 4 pixels with lines of 16 bytes; what lies between the lines differs each time. */
function frame(fill: number, change?: { readonly plane: number; readonly at: number }) {
  const data = [8, 4, 4].map((rowBytes, plane) => {
    const rows = plane === 0 ? 4 : 2;
    const bytes = Buffer.alloc(16 * rows, Math.floor(Math.random() * 256));
    for (let row = 0; row < rows; row++) bytes.fill(fill, 16 * row, 16 * row + rowBytes);
    return bytes;
  });
  const plane = change === undefined ? undefined : data[change.plane];
  if (plane !== undefined && change !== undefined) plane[change.at] = fill + 1;
  return { width: 8, height: 4, linesize: [16, 16, 16], data };
}

describe('change of a frame', () => {
  it('is the first frame, and one with another pixel in any plane, and nothing else', () => {
    const changed = createChangeDetector();
    assert.deepEqual([changed(frame(7)), changed(frame(7)), changed(frame(7))], [true, false, false]);
    for (const change of [
      { plane: 0, at: 0 },
      { plane: 0, at: 3 * 16 + 7 },
      { plane: 1, at: 16 + 3 },
      { plane: 2, at: 16 }
    ]) {
      assert.deepEqual([changed(frame(7, change)), changed(frame(7, change)), changed(frame(7))], [true, false, true], JSON.stringify(change));
    }
  });
});
