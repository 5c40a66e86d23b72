import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readTimeCode } from '../../../../bench/time-code.ts';
import type { Planes } from '../../../../src/media/source/test-picture.ts';
import { drawTimeCode, TIME_CODE, timeCodeCells } from '../../../../src/media/source/time-code.ts';

const SIZES = [
  [320, 180],
  [640, 360],
  [1280, 720],
  [1920, 1080]
] as const;

function planesOf(width: number, height: number): Planes {
  const stride = width + 32; // wider than the picture, as FFmpeg aligns it
  return {
    width,
    height,
    data: [new Uint8Array(stride * height), new Uint8Array((stride / 2) * (height / 2)), new Uint8Array((stride / 2) * (height / 2))],
    strides: [stride, stride / 2, stride / 2]
  };
}

/** The brightness in the middle of each cell, as a display would see it. */
const middles = ({ width, height, data, strides }: Planes): number[] =>
  Array.from({ length: TIME_CODE.cells }, (_, index) => {
    const x = Math.floor((width * (index + 1.5)) / TIME_CODE.columns);
    const y = Math.floor(height * (TIME_CODE.top + TIME_CODE.height / 2));
    return data[0][y * strides[0] + x] ?? 0;
  });

describe('time code', () => {
  it('is read back at every size as it was drawn, over what was drawn before', () => {
    const pictures = SIZES.map(([width, height]) => planesOf(width, height));
    fc.assert(
      fc.property(fc.nat(2 ** 40), (ms) => {
        for (const planes of pictures) {
          drawTimeCode(planes, ms);
          assert.equal(readTimeCode(middles(planes)), ms % 2 ** 16);
        }
      })
    );
  });

  it('survives washed-out colours and noise', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 16 - 1), fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 22, maxLength: 22 }), (ms, noise) => {
        const luma = timeCodeCells(ms).map((white, index) => (white ? 200 : 40) + (index < 2 ? 0 : (noise[index] ?? 0)));
        assert.equal(readTimeCode(luma), ms);
      })
    );
  });

  it('is not read out of a nibble that is wrong, nor out of a picture that has none', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 16 - 1), fc.nat(4), fc.integer({ min: 1, max: 15 }), (ms, nibble, wrong) => {
        const luma = timeCodeCells(ms).map((white, index) => {
          const bit = index - 2 - 4 * nibble;
          return white !== (bit >= 0 && bit < 4 && ((wrong >> bit) & 1) === 1) ? 235 : 16;
        });
        assert.equal(readTimeCode(luma), null);
      })
    );
    assert.equal(readTimeCode(new Array(22).fill(120)), null);
    assert.equal(readTimeCode([]), null);
  });

  it('draws nothing outside its row', () => {
    const planes = planesOf(1280, 720);
    planes.data[0].fill(52);
    drawTimeCode(planes, 12_345);
    const rowsChanged = Array.from({ length: 720 }, (_, y) => y).filter((y) =>
      planes.data[0].subarray(y * planes.strides[0], y * planes.strides[0] + 1280).some((v) => v !== 52)
    );
    assert.ok((rowsChanged[0] ?? 0) >= 14 && (rowsChanged.at(-1) ?? 720) <= 58, `${rowsChanged[0]} to ${rowsChanged.at(-1)}`);
  });
});
