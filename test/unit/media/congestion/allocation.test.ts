import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Allocation, allocate } from '../../../../src/media/congestion/allocation.ts';
import type { VideoProfile } from '../../../../src/media/port.ts';

const CAMERA: VideoProfile = { width: 1920, height: 1080, fps: 30, maxKbps: 4000 };
const SCREEN: VideoProfile = { width: 1920, height: 1080, fps: 30, maxKbps: 4000 };
const CALM = { lossFraction: 0, roundTripMs: 40, repairShare: 0 };
const shape = (picture: Allocation['camera']): string => (picture === null ? 'off' : `${picture.width}x${picture.height}@${picture.fps}`);

describe('allocation', () => {
  it('the camera goes down its ladder, then gives up frames, then is off', () => {
    const rates = [5000, 1500, 800, 500, 300, 220, 170, 150, 60, 10];
    assert.deepEqual(
      rates.map((kbps) => shape(allocate(kbps, { screen: null, camera: CAMERA }, CALM, null, 0).camera)),
      ['1920x1080@30', '1280x720@30', '960x540@30', '640x360@30', '480x270@30', '320x180@30', '320x180@15', '320x180@10', 'off', 'off']
    );
  });

  it('leaves as many frames to a source that has few of them', () => {
    const slow = { ...CAMERA, fps: 15 };
    const rates = [300, 170, 150, 120, 60];
    assert.deepEqual(
      rates.map((kbps) => shape(allocate(kbps, { screen: null, camera: slow }, CALM, null, 0).camera)),
      ['480x270@15', '320x180@15', '320x180@10', '320x180@10', 'off']
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

  it('loss brings redundancy, sooner where resending is slow, more where more is lost, and it goes later than it came', () => {
    const lossy = (lossFraction: number, roundTripMs = 40, before: Allocation | null = null): Allocation =>
      allocate(1000, { screen: null, camera: CAMERA }, { ...CALM, lossFraction, roundTripMs }, before, 0);
    assert.equal(lossy(0.03).audio.redundancy, 0);
    assert.equal(lossy(0.03, 200).audio.redundancy, 1);
    const some = lossy(0.06);
    assert.deepEqual(some.audio, { kbps: 32, redundancy: 1, lossPercent: 6 });
    assert.equal(lossy(0.03, 40, some).audio.redundancy, 1);
    assert.equal(lossy(0.02, 40, some).audio.redundancy, 0);
    const packets = [0.09, 0.15, 0.2, 0.3, 0.5].map((fraction) => lossy(fraction).audio.redundancy);
    assert.deepEqual(packets, [1, 2, 2, 3, 3]);
  });

  it('what redundancy and repairs cost is not given to the camera, which repairs shrink and do not take away', () => {
    const kbps = (lossFraction: number, repairShare: number): number =>
      allocate(400, { screen: null, camera: CAMERA }, { ...CALM, lossFraction, repairShare }, null, 0).camera?.kbps ?? 0;
    assert.equal(kbps(0, 0), 400 - 32 - 24);
    assert.equal(kbps(0.3, 0), 400 - 4 * 32 - 24);
    assert.equal(kbps(0.3, 1), (400 - 4 * 32 - 24) / 2);
    assert.ok(kbps(0.3, 0.9) > 100);
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

  it('gives more frames of the same size at once, which cost no keyframe, and is as patient about the size as before', () => {
    const wants = { screen: null, camera: CAMERA };
    const low = allocate(120, wants, CALM, allocate(5000, wants, CALM, null, -1), 0);
    assert.equal(shape(low.camera), '320x180@10');
    const more = allocate(190, wants, CALM, low, 200);
    assert.equal(shape(more.camera), '320x180@15');
    const most = allocate(5000, wants, CALM, more, 400);
    assert.equal(shape(most.camera), '320x180@30');
    assert.equal(shape(allocate(5000, wants, CALM, most, 3900).camera), '320x180@30');
    assert.equal(shape(allocate(5000, wants, CALM, most, 4000).camera), '1920x1080@30');
    // Nor does it forget when frames go again meanwhile.
    const fewer = allocate(120, wants, CALM, most, 3000);
    assert.equal(shape(fewer.camera), '320x180@10');
    assert.equal(shape(allocate(5000, wants, CALM, fewer, 4000).camera), '1920x1080@30');
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
