import assert from 'node:assert/strict';
import { createClockMap } from '../../../../src/media/rtp/clock-map.ts';

describe('clock map', () => {
  it('unwraps timestamps both ways', () => {
    const map = createClockMap(90_000);
    const first = map.map(0xffff_fff0).timestampUs;
    const after = map.map(90_000 - 16).timestampUs;
    const back = map.map(0xffff_fff0).timestampUs;
    assert.ok(Math.abs(after - first - 1_000_000) < 0.01);
    assert.ok(Math.abs(back - first) < 0.01);
  });

  it('stays within safe integers whoever jumps, forwards or backwards, and goes on from there', () => {
    for (const jump of [0x7fff_ffff, 0x8000_0000]) {
      const map = createClockMap(48_000);
      let timestamp = 0;
      let beginnings = 0;
      let before = map.map(0).timestampUs;
      for (let count = 0; count < 500_000; count += 1) {
        timestamp = (timestamp + jump) >>> 0;
        const { timestampUs } = map.map(timestamp);
        if (!Number.isSafeInteger(timestampUs)) assert.fail(`${timestampUs}`);
        if (Math.abs(timestampUs - before) > 2 ** 50) beginnings += 1;
        before = timestampUs;
      }
      assert.equal(beginnings, 2);
      const next = map.map((timestamp + 960) >>> 0).timestampUs;
      assert.ok(Math.abs(next - before - 20_000) <= 1, `${next - before}`);
    }
  });

  it('does not know the capture time before a sender report, and then reckons from it, across the wrap', () => {
    const map = createClockMap(48_000);
    assert.equal(map.map(1000).captureMs, null);
    map.onSenderClock({ rtpTimestamp: 0xffff_ffff - 479, captureMs: 5000 });
    assert.equal(map.map(480).captureMs, 5020);
    assert.equal(map.map(0xffff_ffff - 959).captureMs, 4990);
    map.onSenderClock({ rtpTimestamp: 0, captureMs: Number.NaN });
    assert.equal(map.map(480).captureMs, 5020);
  });
});
