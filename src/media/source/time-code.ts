// A time in cells of black and white, so that a bench can read out of a picture when it was drawn, also after scaling and compression. Pure.
// A row of cells: black, white, sixteen bits of the time from the highest, four of a check.
import type { Planes } from './test-picture.ts';

/** The row as parts of the picture's sides: a cell's width is left free at each end. */
export const TIME_CODE = { columns: 24, cells: 22, top: 0.02, height: 0.06 } as const;

const [BLACK, WHITE] = [16, 235];
const NEUTRAL = 128;

/** True is white. @param ms counted modulo 2^16 */
export function timeCodeCells(ms: number): boolean[] {
  const time = Math.floor(ms) & 0xffff;
  // Odd factors: a nibble that is misread never passes.
  const check = (9 + (time & 15) + 3 * ((time >> 4) & 15) + 5 * ((time >> 8) & 15) + 7 * (time >> 12)) & 15;
  return [false, true, ...Array.from({ length: 16 }, (_, bit) => ((time >> (15 - bit)) & 1) === 1), ...[3, 2, 1, 0].map((bit) => ((check >> bit) & 1) === 1)];
}

const even = (value: number): number => Math.floor(value / 2) * 2;

export function drawTimeCode({ width, height, data, strides }: Planes, ms: number): void {
  const side = even(width / TIME_CODE.columns);
  const [top, rows] = [even(height * TIME_CODE.top), even(height * TIME_CODE.height)];
  const [luma, ...chroma] = data;
  timeCodeCells(ms).forEach((white, index) => {
    const x = (width * (index + 1)) / TIME_CODE.columns;
    for (let y = top; y < top + rows; y++) luma.fill(white ? WHITE : BLACK, y * strides[0] + Math.round(x), y * strides[0] + Math.round(x) + side);
  });
  for (const [index, plane] of chroma.entries()) {
    const stride = strides[index + 1] ?? 0;
    for (let y = top / 2; y < (top + rows) / 2; y++) plane.fill(NEUTRAL, y * stride, y * stride + width / 2);
  }
}
