import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bestFormat, type OfferedFormat, type WantedPicture } from '../../../../src/devices/cameras/capture-format.ts';

const HD: WantedPicture = { width: 1280, height: 720, fps: 30 };
const exactly = (value: number): OfferedFormat['width'] => ({ min: value, max: value, step: 1 });
const row = (fourcc: string, width: number, height: number, ...rates: readonly number[]): OfferedFormat => ({
  fourcc,
  width: exactly(width),
  height: exactly(height),
  rates
});

const CASES: readonly (readonly [what: string, offered: readonly OfferedFormat[], wanted: WantedPicture, chosen: string | null])[] = [
  ['uncompressed where its rate suffices', [row('MJPG', 1280, 720, 30), row('YUYV', 1280, 720, 30)], HD, 'yuyv422 1280x720@30'],
  ['MJPEG where uncompressed is too slow', [row('MJPG', 1280, 720, 30), row('YUYV', 1280, 720, 10)], HD, 'mjpeg 1280x720@30'],
  ['the cheapest of the uncompressed', [row('YUYV', 1280, 720, 30), row('NV12', 1280, 720, 30)], HD, 'nv12 1280x720@30'],
  ['the smallest that is not smaller, whatever its form', [row('YUYV', 1920, 1080, 30), row('MJPG', 1280, 720, 30)], HD, 'mjpeg 1280x720@30'],
  [
    'a larger one where there is none of the size',
    [row('MJPG', 1920, 1080, 30), row('MJPG', 640, 480, 30), row('MJPG', 3840, 2160, 30)],
    HD,
    'mjpeg 1920x1080@30'
  ],
  ['neither side may be smaller', [row('MJPG', 1280, 480, 30), row('MJPG', 1600, 896, 30)], HD, 'mjpeg 1600x896@30'],
  ['the slowest rate that is not slower', [row('MJPG', 1280, 720, 60, 50, 30, 15)], HD, 'mjpeg 1280x720@30'],
  ['29.97 for 30', [row('MJPG', 1280, 720, 60, 29.97)], HD, 'mjpeg 1280x720@29.97'],
  ['but 25 is not 30', [row('MJPG', 1280, 720, 25), row('MJPG', 1920, 1080, 30)], HD, 'mjpeg 1920x1080@30'],
  ['the nearest where all is too small', [row('YUYV', 320, 240, 30), row('YUYV', 640, 480, 30)], HD, 'yuyv422 640x480@30'],
  ['size against rate: what is less wrong', [row('YUYV', 1280, 720, 10), row('YUYV', 960, 540, 30)], HD, 'yuyv422 960x540@30'],
  [
    'a stepwise size, on a step',
    [{ fourcc: 'YUYV', width: { min: 16, max: 4096, step: 12 }, height: { min: 16, max: 2160, step: 2 }, rates: [60] }],
    HD,
    'yuyv422 1288x720@60'
  ],
  ['the wanted rate where none is told', [row('UYVY', 1920, 1080)], { width: 1920, height: 1080, fps: 15 }, 'uyvy422 1920x1080@15'],
  ['nothing of H.264, grey or sensor formats', [row('H264', 1280, 720, 30), row('GREY', 1280, 720, 30), row('BA81', 1280, 720, 30)], HD, null],
  ['nothing of nothing', [], HD, null]
];

describe('the format that a camera is opened with', () => {
  for (const [what, offered, wanted, chosen] of CASES)
    it(`is ${what}`, () => {
      for (const order of [offered, offered.toReversed()]) {
        const format = bestFormat(order, wanted);
        assert.equal(format === null ? null : `${format.pixelFormat} ${format.width}x${format.height}@${format.fps}`, chosen);
      }
    });

  it('is one that is offered, and never too small or too slow while another is neither', () => {
    const extent = fc
      .tuple(fc.integer({ min: 1, max: 4000 }), fc.nat(4000), fc.integer({ min: 1, max: 64 }))
      .map(([min, more, step]) => ({ min, max: min + more, step }));
    const offer = fc.record({
      fourcc: fc.constantFrom('YUYV', 'MJPG', 'NV12', 'H264'),
      width: extent,
      height: extent,
      rates: fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 4 })
    });
    const wanted = fc.record({ width: fc.integer({ min: 160, max: 3840 }), height: fc.integer({ min: 90, max: 2160 }), fps: fc.integer({ min: 1, max: 60 }) });
    fc.assert(
      fc.property(fc.array(offer, { maxLength: 8 }), wanted, (offered, want) => {
        const taken = offered.filter(({ fourcc }) => fourcc !== 'H264');
        const format = bestFormat(offered, want);
        assert.equal(format === null, taken.length === 0);
        if (format === null) return;
        assert.ok(
          taken.some(
            ({ width, height }) => format.width >= width.min && format.width <= width.max && format.height >= height.min && format.height <= height.max
          )
        );
        const suffices = taken.some(
          ({ width, height, rates }) => width.max >= want.width && height.max >= want.height && (rates.length === 0 || rates.some((rate) => rate >= want.fps))
        );
        if (suffices) assert.ok(format.width >= want.width && format.height >= want.height && format.fps * 1.01 >= want.fps);
      })
    );
  });
});
