// Tells whether a frame's picture is another than that of the frame before it: a screen that stands still is most of a meeting, and encoding it costs the most.
import type { Frame } from 'node-av';

/** Of YUV 4:2:0 frames of one size. The rows alone are compared: what lies between them is nobody's. */
export function createChangeDetector(): (frame: Pick<Frame, 'data' | 'linesize' | 'width' | 'height'>) => boolean {
  let before: Buffer | null = null;

  return ({ data, linesize, width, height }) => {
    const planes = [
      [width, height],
      [width / 2, height / 2],
      [width / 2, height / 2]
    ] as const;
    const bytes = (width * height * 3) / 2;
    let changed = before?.length !== bytes;
    const kept = before?.length === bytes ? before : Buffer.alloc(bytes);
    before = kept;
    let at = 0;
    planes.forEach(([rowBytes, rows], plane) => {
      const pixels = data?.[plane];
      const stride = linesize[plane] ?? 0;
      for (let row = 0; row < rows; row++, at += rowBytes) {
        if (pixels === undefined) continue;
        const start = row * stride;
        if (kept.compare(pixels, start, start + rowBytes, at, at + rowBytes) === 0) continue;
        changed = true;
        kept.set(pixels.subarray(start, start + rowBytes), at);
      }
    });
    return changed;
  };
}
