import assert from 'node:assert/strict';
import fc from 'fast-check';
import { changeFor, createThinner, fitTarget, rateAsOpened } from '../../../../src/media/encode/video-target.ts';

const PROFILE = { width: 1280, height: 720, fps: 30, maxKbps: 2500 };
const TARGET = { width: 1280, height: 720, fps: 30, kbps: 1000 };

describe('video target', () => {
  it('stays within the profile, with even sides', () => {
    assert.deepEqual(fitTarget({ width: 641, height: 359, fps: 15, kbps: 600.4 }, PROFILE), { width: 642, height: 360, fps: 15, kbps: 600 });
    assert.deepEqual(fitTarget({ width: 4000, height: 3000, fps: 60, kbps: 9000 }, PROFILE), { width: 1280, height: 720, fps: 30, kbps: 2500 });
    assert.deepEqual(fitTarget({ width: 0, height: -5, fps: 0, kbps: 0 }, PROFILE), { width: 16, height: 16, fps: 1, kbps: 50 });
  });

  it('gives the frames that remain what the others would have had', () => {
    assert.equal(rateAsOpened(TARGET, { ...TARGET, fps: 10, kbps: 500 }), 1500);
  });

  it('takes a rate in place where the encoder can, and opens it again for a large step, a second after the one before', () => {
    const opened = { target: TARGET, atMs: 0, rate: 1000, used: true };
    const change = (wanted: Partial<typeof TARGET>, nowMs: number, inPlace: boolean) => changeFor(opened, { ...TARGET, ...wanted }, nowMs, inPlace);
    assert.equal(change({}, 5000, true), 'none');
    assert.equal(change({ kbps: 990 }, 10, true), 'rate');
    assert.equal(change({ fps: 15 }, 10, true), 'rate');
    assert.equal(change({ kbps: 860 }, 5000, false), 'none');
    assert.equal(change({ kbps: 1140 }, 5000, false), 'none');
    assert.equal(change({ kbps: 850 }, 5000, false), 'reopen');
    assert.equal(change({ kbps: 100 }, 999, false), 'none');
    assert.equal(change({ kbps: 100 }, 1000, false), 'reopen');
    assert.equal(change({ width: 640, height: 360, kbps: 600 }, 999, true), 'rate');
    for (const inPlace of [true, false]) assert.equal(change({ width: 640, height: 360, kbps: 1000 }, 1000, inPlace), 'reopen');
    const unused = changeFor({ ...opened, used: false }, { ...TARGET, width: 640, height: 360 }, 10, true);
    assert.equal(unused, 'reopen', 'what encoded nothing yet may go at once');
  });

  it('leaves as many frames as are wanted, evenly', () => {
    const jitter = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 300, maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), jitter, (fps, jitters) => {
        const thinner = createThinner(30);
        const taken = jitters.map((late, index) => (index * 1000) / 30 + late).filter((atMs) => thinner.takes(atMs, fps));
        assert.ok(Math.abs(taken.length - fps * 10) <= 1, `${taken.length} frames in 10 s for ${fps} a second`);
        const gaps = taken.slice(1).map((atMs, index) => atMs - (taken[index] ?? 0));
        assert.ok(Math.max(...gaps) <= 1000 / fps + 34 + 8 && Math.min(...gaps) >= 1000 / fps - 34 - 8, `${Math.min(...gaps)} to ${Math.max(...gaps)} ms`);
      })
    );
  });

  it('begins to count anew after a hole or a change of the clock', () => {
    const thinner = createThinner(30);
    assert.deepEqual(
      [0, 33, 66, 100, 5000, 5033, 5100, 20, 53, 120].map((atMs) => thinner.takes(atMs, 10)),
      [true, false, false, true, true, false, true, true, false, true]
    );
  });
});
