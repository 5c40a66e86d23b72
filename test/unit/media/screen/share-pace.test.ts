import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createSharePace, encoderKbps } from '../../../../src/media/screen/share-pace.ts';

const FPS = 10;
const KBPS = 800; // 100 bytes a millisecond

/** Offers a frame every 100 ms; each that is admitted becomes `bytes`. @returns the times of those */
function admitted(pace: ReturnType<typeof createSharePace>, fromMs: number, untilMs: number, changed: boolean, bytes: number): number[] {
  const times: number[] = [];
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += 1000 / FPS) {
    if (!pace.admits(nowMs, changed)) continue;
    times.push(nowMs);
    pace.sent(bytes, nowMs);
  }
  return times;
}

describe('pace of a shared screen', () => {
  it('takes every frame of a screen that moves, while the rate allows it', () => {
    assert.equal(admitted(createSharePace({ fps: FPS, kbps: KBPS }), 0, 2000, true, 5_000).length, 20);
  });

  it('lets a large frame through whole, and leaves frames out until it is', () => {
    const pace = createSharePace({ fps: FPS, kbps: KBPS });
    assert.deepEqual(admitted(pace, 0, 100, true, 100_000), [0]);
    // A second for 100,000 bytes, but for what may still be on its way.
    assert.deepEqual(admitted(pace, 100, 1300, true, 5_000), [1000, 1100, 1200]);
  });

  it('takes the newest picture after a wait, though nothing changed in the very last frame', () => {
    const pace = createSharePace({ fps: FPS, kbps: KBPS });
    assert.ok(pace.admits(0, true));
    pace.sent(20_000, 0);
    assert.ok(!pace.admits(100, true));
    assert.ok(pace.admits(200, false));
  });

  it('refines a still screen, then only shows that it is alive', () => {
    const pace = createSharePace({ fps: FPS, kbps: KBPS });
    admitted(pace, 0, 100, true, 1_000);
    const refined = admitted(pace, 100, 2200, false, 500);
    assert.deepEqual([refined.length, refined.at(-1)], [15 + 1, 1900]);
    const alive = admitted(pace, 2200, 6200, false, 100);
    assert.equal(alive.length, 10);
    assert.equal(admitted(pace, 6200, 7200, true, 100).length, 10, 'it moves again');
  });

  it('takes a frame at once for somebody who needs a keyframe', () => {
    const pace = createSharePace({ fps: FPS, kbps: KBPS });
    admitted(pace, 0, 10_000, false, 100);
    assert.ok(!pace.admits(10_000 - 1, false));
    assert.ok(pace.refresh(10_000));
    assert.ok(pace.admits(10_000, false));
    pace.sent(200_000, 10_000); // two seconds
    assert.deepEqual([pace.refresh(10_500), pace.refresh(11_900), pace.refresh(12_000)], [false, false, true]);
  });

  it('holds a large frame to the rate that there is now, not to the one that there was when it was sent', () => {
    const pace = createSharePace({ fps: FPS, kbps: 40 });
    assert.ok(pace.admits(0, true));
    pace.sent(50_000, 0); // ten seconds
    assert.ok(!pace.admits(1_000, true));
    pace.setTarget({ fps: FPS, kbps: KBPS });
    assert.ok(pace.admits(1_500, true));
  });

  it('waits no longer for a large frame that has left, or was dropped', () => {
    const pace = createSharePace({ fps: FPS, kbps: KBPS });
    assert.ok(pace.admits(0, true));
    pace.sent(500_000, 0); // five seconds
    assert.ok(!pace.admits(1_000, true));
    pace.emptied(1_000);
    assert.deepEqual([pace.admits(1_100, true), pace.admits(1_500, true)], [false, true]);
  });

  it('sends nothing while it is paused, and what is newest afterwards', () => {
    const pace = createSharePace({ fps: FPS, kbps: KBPS });
    pace.setTarget(null);
    assert.deepEqual(admitted(pace, 0, 1000, true, 100), []);
    pace.setTarget({ fps: 5, kbps: KBPS });
    assert.equal(admitted(pace, 1000, 2000, true, 100).length, 5, 'at the rate of frames it was given');
  });

  it('property: sends no more than the rate and one frame, whatever frames become', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.integer({ min: 40, max: 300_000 }), changed: fc.boolean() }), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 100, max: 8000 }),
        (frames, kbps) => {
          const pace = createSharePace({ fps: 30, kbps });
          let before = 0;
          frames.forEach(({ bytes, changed }, index) => {
            const nowMs = (index * 1000) / 30;
            if (!pace.admits(nowMs, changed)) return;
            assert.ok(before <= ((nowMs + 51) * kbps) / 8, `${before} bytes by ${nowMs} ms`);
            before += bytes;
            pace.sent(bytes, nowMs);
          });
        }
      )
    );
  });

  it('tells an encoder another rate by halves and doubles alone', () => {
    assert.deepEqual(
      [1000, 1900, 2000, 600, 500].map((kbps) => encoderKbps(kbps, 1000)),
      [1000, 1000, 2000, 1000, 500]
    );
    assert.deepEqual([encoderKbps(60, 2000), encoderKbps(60, 250), encoderKbps(240, 250)], [250, 250, 250], 'a page would be no smaller for it');
  });
});
