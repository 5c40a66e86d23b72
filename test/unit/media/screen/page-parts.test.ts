import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bring, differs, forget } from '../../../../src/media/screen/page-parts.ts';

/** A row as wide as this has nothing between it and the next. */
const STRIDE = 96;
const [WIDE, NARROW] = [4_000, 1];

type Painted = { readonly width: number; readonly height: number; readonly linesize: number[]; readonly data: Buffer[] };

/** What lies between the rows differs each time. */
function picture(width: number, height: number, paint: (x: number, y: number, plane: number) => number): Painted {
  const data = [0, 1, 2].map((plane) => {
    const [rowBytes, rows] = plane === 0 ? [width, height] : [width / 2, height / 2];
    const pixels = Buffer.alloc(STRIDE * rows, Math.floor(Math.random() * 256));
    for (let y = 0; y < rows; y++) for (let x = 0; x < rowBytes; x++) pixels[y * STRIDE + x] = paint(x, y, plane);
    return pixels;
  });
  return { width, height, linesize: [STRIDE, STRIDE, STRIDE], data };
}

/** Ink and paper, another page for each seed; the planes of colour are grey. */
const page = (seed: number, width = 64, height = 72): Painted =>
  picture(width, height, (x, y, plane) => (plane === 0 ? (((x * 7 + y * 13 + seed * 31) * 2_654_435_761) % 5 < 2 ? 16 : 235) : 128));
const nothing = (width = 64, height = 72): Painted => picture(width, height, () => 128);
const luma = ({ data, width }: Painted, fromRow: number, rows: number): Buffer[] =>
  Array.from({ length: rows }, (_, row) => data[0]?.subarray((fromRow + row) * STRIDE, (fromRow + row) * STRIDE + width) ?? Buffer.alloc(0));

/** @returns how many pictures it took until all was given */
function settle(frame: Painted, shown: Painted, kbps: number): number {
  for (let pictures = 0; pictures < 100; pictures++) {
    if (!differs(frame, shown)) return pictures;
    bring(frame, shown, kbps);
  }
  return assert.fail('it never becomes what it should be');
}

describe('parts of a page', () => {
  it('another pixel in any plane differs, and nothing else does', () => {
    const shown = page(1);
    assert.equal(differs(page(1), shown), false);
    for (const [plane, x, y] of [
      [0, 0, 0],
      [0, 63, 71],
      [1, 31, 0],
      [2, 0, 35]
    ] as const) {
      const changed = page(1);
      const pixels = changed.data[plane];
      if (pixels !== undefined) pixels[y * STRIDE + x] = 77;
      assert.equal(differs(changed, shown), true, `${plane}: ${x}, ${y}`);
      bring(changed, shown, NARROW);
      assert.equal(differs(changed, shown), false, 'it is sharp at once');
      bring(page(1), shown, NARROW);
    }
  });

  it('are all given at once where the path is wide, or the page is cheap', () => {
    const shown = nothing();
    assert.equal(bring(page(1), shown, WIDE), true);
    assert.equal(differs(page(1), shown), false);
    const flat = picture(64, 72, (_x, _y, plane) => (plane === 0 ? 30 : 128));
    bring(flat, shown, WIDE);
    const brighter = picture(64, 72, (_x, _y, plane) => (plane === 0 ? 220 : 128));
    bring(brighter, shown, NARROW);
    assert.equal(differs(brighter, shown), false);
  });

  it('come coarse first, all over, then sharp from above; and the page is told to be another one', () => {
    const [before, after] = [page(1), page(2)];
    const shown = page(1);
    assert.equal(bring(after, shown, NARROW), true);
    for (let y = 0; y < 72; y += 4) {
      const rows = luma(shown, y, 4);
      for (let x = 0; x < 64; x += 4) {
        const wanted = luma(after, y, 4).reduce((sum, row) => sum + row.subarray(x, x + 4).reduce((part, value) => part + value, 0), 0);
        for (const row of rows) assert.deepEqual([...row.subarray(x, x + 4)], Array(4).fill(Math.round(wanted / 16)));
      }
    }
    assert.equal(bring(after, shown, NARROW), false, 'what is still coarse of it is not another page');
    assert.deepEqual(luma(shown, 0, 16), luma(after, 0, 16));
    assert.notDeepEqual(luma(shown, 16, 16), luma(after, 16, 16));
    assert.equal(settle(after, shown, NARROW), 4);
    assert.equal(differs(before, shown), true);
  });

  it('give way to a small change, which does not become coarse', () => {
    const shown = page(1);
    bring(page(2), shown, NARROW);
    bring(page(2), shown, NARROW);
    const typed = page(2);
    typed.data[0]?.fill(100, 5 * STRIDE + 8, 5 * STRIDE + 12);
    bring(typed, shown, NARROW);
    assert.deepEqual(luma(shown, 0, 16), luma(typed, 0, 16));
    settle(typed, shown, NARROW);
  });

  it('become sharp beside a part that moves on and on', () => {
    const shown = nothing();
    const moving = (seed: number): Painted => {
      const frame = page(0);
      for (let y = 0; y < 32; y++) page(seed).data[0]?.copy(frame.data[0] ?? Buffer.alloc(0), y * STRIDE, y * STRIDE, y * STRIDE + 64);
      return frame;
    };
    for (let seed = 1; seed <= 6; seed++) bring(moving(seed), shown, NARROW);
    assert.deepEqual(luma(shown, 32, 40), luma(page(0), 32, 40));
  });

  it('become sharp, and stay so beside what moves, where each picture has noise, which is no other page', () => {
    const noisy = (seed: number, moving = seed): Painted => {
      const [frame, top] = [page(0), page(moving)];
      for (let y = 0; y < 32; y++) top.data[0]?.copy(frame.data[0] ?? Buffer.alloc(0), y * STRIDE, y * STRIDE, y * STRIDE + 64);
      for (const [plane, pixels] of frame.data.entries())
        for (let at = 0; at < pixels.length; at++) pixels[at] = (pixels[at] ?? 0) + (((at * 31 + plane * 7 + seed * 17) * 2_654_435_761) % 5) - 2;
      return frame;
    };
    const shown = nothing();
    bring(noisy(0, 0), shown, NARROW);
    for (let seed = 1; seed <= 10; seed++) assert.equal(bring(noisy(seed, 0), shown, NARROW), false);
    const isSharp = (fromRow: number): boolean => {
      const wanted = Buffer.concat(luma(page(0), fromRow, 72 - fromRow));
      return Buffer.concat(luma(shown, fromRow, 72 - fromRow)).every((value, at) => Math.abs(value - (wanted[at] ?? 0)) <= 2);
    };
    assert.ok(isSharp(0));
    for (let seed = 1; seed <= 5; seed++) {
      bring(noisy(seed), shown, NARROW);
      assert.ok(isSharp(32), `picture ${seed}`);
    }
  });

  it('are forgotten for somebody who has nothing', () => {
    const shown = page(1);
    forget(shown);
    assert.equal(bring(page(1), shown, NARROW), true);
    assert.notDeepEqual(luma(shown, 0, 72), luma(page(1), 0, 72));
    settle(page(1), shown, NARROW);
  });

  it('property: whatever changes, in whatever size, all of it is given once it stands still', () => {
    const side = fc.integer({ min: 1, max: 48 }).map((half) => 2 * half);
    const change = fc.record({ seed: fc.nat(5), rows: fc.nat(48), kbps: fc.constantFrom(WIDE, NARROW, 10, 100), anew: fc.boolean() });
    fc.assert(
      fc.property(fc.oneof(side, fc.constant(STRIDE)), side, fc.array(change, { maxLength: 10 }), (width, height, changes) => {
        const shown = nothing(width, height);
        const frame = page(0, width, height);
        for (const { seed, rows, kbps, anew } of changes) {
          const other = page(seed, width, height);
          for (let y = 0; y < Math.min(rows, height); y++) other.data[0]?.copy(frame.data[0] ?? Buffer.alloc(0), y * STRIDE, y * STRIDE, y * STRIDE + width);
          if (anew) forget(shown);
          bring(frame, shown, kbps);
        }
        assert.ok(settle(frame, shown, NARROW) <= 1 + Math.ceil(height / 16));
      })
    );
  });
});
