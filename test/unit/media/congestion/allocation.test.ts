import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Allocation, allocate } from '../../../../src/media/congestion/allocation.ts';
import type { VideoProfile } from '../../../../src/media/port.ts';

const CAMERA: VideoProfile = { width: 1920, height: 1080, fps: 30, maxKbps: 4000 };
const SCREEN: VideoProfile = { width: 1920, height: 1080, fps: 30, maxKbps: 4000 };
const CALM = { lossFraction: 0, roundTripMs: 40 };
const shape = (picture: Allocation['camera']): string => (picture === null ? 'off' : `${picture.width}x${picture.height}@${picture.fps}`);

describe('allocation', () => {
  it('the camera goes down its ladder, then gives up frames, then is off', () => {
    const rates = [5000, 1500, 800, 500, 300, 220, 170, 150, 60, 10];
    assert.deepEqual(
      rates.map((kbps) => shape(allocate(kbps, { screen: null, camera: CAMERA }, CALM, null, 0).camera)),
      ['1920x1080@30', '1280x720@30', '960x540@30', '640x360@30', '480x270@30', '320x180@30', '320x180@15', '320x180@10', 'off', 'off']
    );
  });

  it('sound comes first, the screen before the camera, and text keeps its size and gives up frames', () => {
    const shapes = [6200, 3000, 1200, 800, 400, 110, 105].map((kbps) => {
      const { audio, screen, camera } = allocate(kbps, { screen: SCREEN, camera: CAMERA }, CALM, null, 0);
      assert.equal(audio.kbps, 32);
      return `${shape(screen)} ${shape(camera)}`;
    });
    assert.deepEqual(shapes, [
      '1920x1080@30 1280x720@30',
      '1920x1080@30 off',
      '1920x1080@15 off',
      '1920x1080@10 off',
      '1920x1080@5 off',
      '1920x1080@5 off',
      'off off'
    ]);
  });

  it('loss brings redundancy, sooner where resending is slow, and it goes later than it came', () => {
    const redundancy = (lossFraction: number, roundTripMs: number, before: Allocation | null): Allocation =>
      allocate(1000, { screen: null, camera: CAMERA }, { lossFraction, roundTripMs }, before, 0);
    assert.equal(redundancy(0.03, 40, null).audio.redundancy, false);
    assert.equal(redundancy(0.03, 200, null).audio.redundancy, true);
    const lossy = redundancy(0.06, 40, null);
    assert.deepEqual(lossy.audio, { kbps: 32, redundancy: true, lossPercent: 6 });
    assert.equal(redundancy(0.03, 40, lossy).audio.redundancy, true);
    assert.equal(redundancy(0.02, 40, lossy).audio.redundancy, false);
  });

  it('worse at once, better only with 15 % to spare and some seconds later', () => {
    const wants = { screen: null, camera: CAMERA };
    const low = allocate(1000, wants, CALM, allocate(5000, wants, CALM, null, -1), 0);
    assert.equal(shape(low.camera), '960x540@30');
    const soon = allocate(1500, wants, CALM, low, 3000);
    assert.equal(shape(soon.camera), '960x540@30');
    assert.equal(soon.camera?.kbps, 1444);
    assert.equal(shape(allocate(1150, wants, CALM, soon, 5000).camera), '960x540@30'); // 1094 left: not 15 % more than 1000
    const later = allocate(1500, wants, CALM, soon, 5000);
    assert.equal(shape(later.camera), '1280x720@30');
    assert.equal(shape(allocate(1000, wants, CALM, later, 5001).camera), '960x540@30');
    // From off, too.
    const off = allocate(90, wants, CALM, null, 0);
    assert.equal(shape(allocate(120, wants, CALM, off, 9000).camera), 'off');
    assert.equal(shape(allocate(500, wants, CALM, off, 9000).camera), '640x360@30');
  });

  it('waits a second, not four, for the next size while it only got better', () => {
    const wants = { screen: null, camera: CAMERA };
    const begun = allocate(300, wants, CALM, null, 0);
    assert.equal(shape(allocate(5000, wants, CALM, begun, 900).camera), '480x270@30');
    const larger = allocate(700, wants, CALM, begun, 1000);
    assert.equal(shape(larger.camera), '640x360@30');
    assert.equal(shape(allocate(5000, wants, CALM, larger, 2000).camera), '1920x1080@30');
  });

  it('the more is lost, the less is sent of the camera, whatever the path carries', () => {
    const kbps = [0.05, 0.1, 0.3].map((lossFraction) => allocate(9000, { screen: null, camera: CAMERA }, { ...CALM, lossFraction }, null, 0).camera?.kbps);
    assert.deepEqual(kbps, [3000, 1500, 500]);
  });

  it('another source is looked at afresh', () => {
    const before = allocate(1000, { screen: null, camera: CAMERA }, CALM, null, 0);
    const other = { ...CAMERA, width: 640, height: 480, maxKbps: 1000 };
    assert.equal(shape(allocate(5000, { screen: null, camera: other }, CALM, before, 1).camera), '640x480@30');
  });

  it('sizes are even, in the shape of the source and not larger; the rates never exceed the target', () => {
    const profile = fc.record({
      width: fc.integer({ min: 64, max: 4096 }),
      height: fc.integer({ min: 64, max: 2304 }),
      fps: fc.integer({ min: 1, max: 60 }),
      maxKbps: fc.integer({ min: 100, max: 8000 })
    });
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 20_000 }), fc.option(profile), fc.option(profile), (kbps, screen, camera) => {
        const allocation = allocate(kbps, { screen, camera }, CALM, null, 0);
        let sum = allocation.audio.kbps;
        for (const [picture, source] of [
          [allocation.screen, screen],
          [allocation.camera, camera]
        ] as const) {
          if (picture === null || source === null) continue;
          sum += picture.kbps;
          assert.ok(picture.width % 2 === 0 && picture.height % 2 === 0);
          assert.ok(picture.width <= source.width && picture.height <= source.height && picture.fps <= source.fps && picture.fps >= 1);
          assert.ok(picture.kbps > 0 && picture.kbps <= source.maxKbps);
          const scale = picture.height / source.height;
          assert.ok(Math.abs(picture.width - source.width * scale) <= 2 + (2 * source.width) / source.height);
        }
        assert.ok(sum <= kbps);
      })
    );
  });
});
